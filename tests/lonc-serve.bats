#!/usr/bin/env bats
# lonc-serve: a connection from its beginning to its end.
# Not tested:
#	a link of our own that takes a ping and does not answer: pong then
#	takes 5 s
#	callers that DNS knows, other than by the name localhost; a DNS that
#	does not answer
#	users that are logged in, where this machine has none
#	a client's machine that vanishes without a word (TCP_USER_TIMEOUT)
#	want of memory, processes or random numbers
#	handlers: see handlers.bats

# Handlers and Perl code are quoted on purpose; what seems to be unset, and to
# be lost, is set by bats(1) and the files loaded, for one test at a time.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load serve

setup() {
	serve_setup
	handler here echo <<<'exec cat'
	handler here who <<<'echo "$LONC_CLIENT $LONC_HOSTID $LONC_SECURE"'
	# What this one sends is in "wire" too, as it is.
	printf '#!/bin/sh\nlonc-serve -C here | tee wire\n' >tapped
	chmod +x tapped
}

# serve_bytes BYTES: a lonc-serve whose client sends these, as printf(1) has
# them, and then neither sends nor closes
serve_bytes() {
	local held

	[ -p held ] || mkfifo held
	exec {held}<>held
	# shellcheck disable=SC2059
	printf "$1" >&"$held"
	serve_from held
	exec {held}<&-
}

# serve_from FILE: run a lonc-serve with this as its standard input
serve_from() {
	TCPREMOTEIP=$address run --separate-stderr timeout 30 \
	    lonc-serve -C here <"$1"
	printf '%s\n' "$stderr" >>serve.log
}

# fake_link REPLY: plays the link from here to there, with this reply to
# everything it is asked
fake_link() {
	start fake perl -MIO::Socket::UNIX -e '
		my ($path, $reply) = @ARGV;
		$SIG{PIPE} = "IGNORE";
		$listener = IO::Socket::UNIX->new(Local => $path, Listen => 9)
		    or die "$path: $!";
		open $got, ">", "got" or die "got: $!";
		$got->autoflush;
		while ($client = $listener->accept) {
			while (<$client>) {
				print $got $_;
				print $client "$reply\n";
				$client->flush;
			}
			close $client;
		}' "$PWD/here/run/there" "$1"
	wait_for 10 test -e got
}

# expect_told LINE...: the fake link got these in all.  It takes one client
# after the other, so that before the last line it has got all.
expect_told() {
	nc -UN here/run/there <<<end >/dev/null
	wait_for 10 grep -qx end got
	expect_eq "$(printf '%s\n' "$@" end)" "$(cat got)"
}

# ran N: whether handlers that leave a line in "runs" did so N times
ran() {
	[ -e runs ] && [ "$(wc -l <runs)" -ge "$1" ]
}

# ---- the opening ----

@test "an old link gets through each step of its opening" {
	ask --trace ping >/dev/null
	grep '^[<>]' serve.log >trace
	challenge=$(sed -n '2s/^< //p' trace)
	[[ $challenge =~ ^[0-9]+$ ]]
	build=$(sed -n '$s/^< //p' trace)
	[[ $build =~ ^[0-9A-F]{32}$ ]]
	cat >wanted <<-END
		> init
		< $challenge
		> $challenge
		< ok
		> sethost:here
		< ok
		> version:\$Revison\$
		< version:$(lonc-serve -V | tr ' ' - | sed 's/-serve//')
		> pong
		< here:con_lost
		> ekey
		< $build
	END
	diff wanted trace
}

@test "two openings have other challenges and other build keys" {
	for _ in 1 2; do
		ask --trace ping
	done
	expect_eq 2 "$(grep -A1 -x '> init' serve.log | grep -c '^<')"
	expect_eq 2 "$(grep -A1 -x '> init' serve.log | grep '^<' | sort -u |
	    wc -l)"
	expect_eq 2 "$(grep -A1 -x '> ekey' serve.log | grep '^<' | sort -u |
	    wc -l)"
}

# What every way to be started has to bring about.
requests=(ping echo:a:b encrypt:echo:sealed encrypt:who who)
replies=$'here\na:b\nsealed\nthere here 1\nthere here 0'

@test "an old client is served on two pipes" {
	expect_eq "$replies" "$(ask "${requests[@]}")"
}

@test "an old client is served on a socketpair" {
	expect_eq "$replies" "$(old_client --socketpair ./serve -- \
	    "${requests[@]}")"
}

@test "an old client is served under tcpsvd" {
	start_serve here
	expect_eq "$replies" "$(old_client "127.0.0.2:$PORT" "${requests[@]}")"
}

@test "an old client is served under tcpserver" {
	start tcpserver tcpserver -v -H -R -l0 127.0.0.2 "$PORT" \
	    lonc-serve -C here
	wait_for 10 grep -q status: tcpserver.log
	expect_eq "$replies" "$(old_client "127.0.0.2:$PORT" "${requests[@]}")"
}

# start_systemd ADDRESS: lonc-serve by socket activation, which tells it no
# address
start_systemd() {
	start systemd systemd-socket-activate --inetd -a -l "$1:$PORT" \
	    -E PATH -E ASAN_OPTIONS -E UBSAN_OPTIONS \
	    "$(command -v lonc-serve)" -C "$PWD/here"
	wait_for 10 grep -q Listening systemd.log
}

@test "an old client is served under systemd's socket activation" {
	start_systemd 127.0.0.2
	expect_eq "$replies" "$(old_client "127.0.0.2:$PORT" "${requests[@]}")"
}

@test "a plain file as standard input is read to its end" {
	printf 'init\n' >file
	serve_from file
	[[ "$status $output" =~ ^0\ [0-9]+$ ]]
	printf 'init\nwrong\n' >file
	serve_from file
	expect_eq "1 refused" "$status ${lines[1]}"
}

@test "standard input and output may both be plain files" {
	printf 'hello\n' >file
	TCPREMOTEIP=$address run -1 sh -c 'exec timeout 30 lonc-serve -C here \
	    <file >reply'
	expect_eq refused "$(cat reply)"
}

@test "an empty file or /dev/null as standard input is a client that is done" {
	: >file
	for empty in file /dev/null; do
		serve_from "$empty"
		expect_eq "0 " "$status $output"
	done
	expect_eq 2 "$(grep -c 'opening -> closing: .*is done' serve.log)"
}

@test "init with anything after it opens a link as well" {
	for init in init:1.5 init:local:/some/file init:ssl init:; do
		expect_eq here "$(ask --init="$init" ping)"
	done
}

@test "the challenge may come back among other bytes than letters and digits" {
	by_hand pipes '
		print $out " ", join("-.\r", split /(?=[0-9])/, $challenge);
		print $out "ping\n";
		print scalar <$in> for 1 .. 2;'
	ended by-hand
	expect_eq $'ok\nhere' "$(cat by-hand.out)"
}

@test "a wrong echo of the challenge is refused and closed" {
	for echo in 12345 - init; do
		serve_bytes "init\n$echo\nping\n"
		expect_eq "1 refused" "$status ${lines[1]}"
		expect_eq 2 ${#lines[@]}
	done
	run -1 ask --wrong-echo ping
	logged "echo: refused"
}

@test "a connection that does not begin with init is refused and closed" {
	for first in hello initx ini INIT ping 'sethost:here' ' init' \
	    'enc:0:' ':' 'init\r' '\000init'; do
		serve_bytes "$first\ninit\n"
		expect_eq "1 refused" "$status $output"
	done
}

@test "a first line without end is refused before it fills the memory" {
	perl -e 'print "x" x 5000, "\n"' >file
	serve_from file
	expect_eq "1 refused" "$status $output"
}

@test "empty lines in an opening are passed over" {
	serve_bytes '\n\n\ninit\n\n\nwrong\n'
	expect_eq refused "${lines[1]}"
	expect_eq 2 ${#lines[@]}
}

@test "a client that does not begin in init_timeout is dropped" {
	set_conf here init_timeout 0.1
	for begin in '' 'i' 'init' 'init\n' 'init\n1'; do
		serve_bytes "$begin"
		expect_eq 1 "$status"
	done
	expect_eq 5 "$(grep -c 'in time' serve.log)"
}

@test "init_timeout is over with the opening" {
	set_conf here init_timeout 0.5
	set_conf here handler_timeout 0.7
	handler here slow <<<'exec sleep 100'
	expect_eq $'error: slow: not done in time\nhere' "$(ask slow: ping)"
}

@test "an opening may come byte by byte" {
	expect_eq "$replies" "$(ask --bytewise "${requests[@]}")"
}

@test "an old link may leave out all but init and its echo" {
	expect_eq $'here\nx\nthere here 0' "$(ask --no-sethost --no-version \
	    --no-pong --no-ekey ping echo:x who)"
	expect_eq "$replies" "$(ask --no-sethost --no-version --no-pong \
	    "${requests[@]}")"
	expect_eq "$replies" "$(ask --no-version "${requests[@]}")"
}

@test "an old link that takes the line end into its key has the same key" {
	expect_eq "$replies" "$(ask --newline-key "${requests[@]}")"
}

@test "the empty line that some old links send after a sealed one is skipped" {
	expect_eq "$replies" "$(ask --empty-after-sealed "${requests[@]}")"
	expect_eq "$replies" "$(ask --empty-after-sealed --pipeline \
	    "${requests[@]}")"
}

# bats test_tags=slow
@test "a connection that is cut after any byte leaves nothing behind" {
	# Once as if the last reply had come, and once without taking it.
	cat >cuts <<-'END'
		use OldPeer;
		use Socket;
		sub dialogue {
			my ($s, $left, $unread) = @_;
			my ($key, $reply);
			for my $step (qw(init echo sethost:here version:x pong
			    ekey ping sealed echo:0123456789)) {
				my $line = $step eq "echo" ? $reply :
				    $step eq "sealed" ? OldPeer::seal($key,
				    "ping") : $step;
				syswrite $s, substr "$line\n", 0, $left;
				$left -= length "$line\n";
				return 1 if $left < 0 || $left == 0 && $unread;
				defined($reply = <$s>) or die "$step: no reply";
				chomp $reply;
				$key = OldPeer::session_key("here", "there",
				    $reply) if $step eq "ekey";
			}
			$reply eq "0123456789" or die "the last reply: $reply";
			return 0;
		}
		sub cut {
			my ($n, $unread) = @_;
			socketpair my $s, my $theirs, AF_UNIX, SOCK_STREAM,
			    PF_UNSPEC;
			my $pid = fork;
			if ($pid == 0) {
				open STDIN, "<&", $theirs;
				open STDOUT, ">&", $theirs;
				close $s;
				exec qw(lonc-serve -C here);
			}
			close $theirs;
			my $cut = dialogue($s, $n, $unread);
			close $s;
			waitpid $pid, 0;
			$? == 0 || $unread && $? == 111 << 8 or
			    die "cut after $n bytes: $?";
			return $cut;
		}
		for my $unread (0, 1) {
			my $n = 0;
			$n++ while cut($n, $unread);
			print "$n\n";
		}
	END
	start cuts env TCPREMOTEIP="$address" perl -I "$root/tests" cuts
	wait_for 30 has_ended cuts
	ended cuts
	# What there is to cut: about 100 bytes and the challenge.
	expect_eq 2 "$(grep -c '^1[0-9][0-9]$' cuts.out)"
}

@test "what is cut off before its line end is not done" {
	handler here mark <<<'cat >>marked; echo ok'
	for n in 1 4 5 8; do
		by_hand pipes 'print $out $challenge,
		    substr("mark:cut", 0, '"$n"');
			close $out;
			print <$in>;'
		ended by-hand
	done
	expect_eq 4 "$(grep -cx ok by-hand.out)"
	expect_eq 4 "$(wc -l <by-hand.out)"
	[ ! -e marked ]
}

# ---- who calls ----

@test "a caller that is not in the table is refused and closed" {
	address=127.0.0.9
	serve_bytes 'init\nping\n'
	expect_eq "1 refused" "$status $output"
	logged 127.0.0.9
}

@test "a caller that is not in the table is refused over TCP too" {
	sed -i '/^there:/d' hosts.tab
	start_serve here
	run -1 old_client "127.0.0.2:$PORT" ping
	logged "init: refused"
}

@test "a caller without an address is refused" {
	run -1 env -u TCPREMOTEIP "$root/tests/old-client.pl" --server-id here \
	    --client-id there --socketpair ./serve -- ping
	[[ $output == *"init: refused"* ]]
	for address in '' there 127.0.0.1:80 127.0.0.1x; do
		serve_bytes 'init\n'
		expect_eq "1 refused" "$status $output"
	done
}

@test "where the old way is not allowed the client hears that TLS is needed" {
	set_conf here allow_legacy no
	serve_bytes 'init\nping\n'
	expect_eq "1 error: this port needs TLS" "$status $output"
	set_conf here allow_legacy elsewhere,here
	serve_bytes 'init\nping\n'
	expect_eq "1 error: this port needs TLS" "$status $output"
	set_conf here allow_legacy elsewhere,there
	expect_eq here "$(ask ping)"
}

@test "an unknown caller is refused also where only TLS would do" {
	set_conf here allow_legacy no
	address=127.0.0.9
	serve_bytes 'init\n'
	expect_eq "1 refused" "$status $output"
}

@test "a TLS client is closed without a word, and logged" {
	for hello in '\026' '\026\003\001\002\000\001\000\001\374\003\003'; do
		: >serve.log
		serve_bytes "$hello"
		expect_eq "1 " "$status $output"
		logged TLS
	done
}

@test "openssl is closed as a TLS client, and logged" {
	start_serve here
	run ! timeout 30 openssl s_client -connect "127.0.0.2:$PORT" </dev/null
	wait_for 10 grep -q TLS serve-here.log
}

@test "TCPREMOTEIP counts more than what the kernel knows" {
	start other env TCPREMOTEIP=127.0.0.9 systemd-socket-activate \
	    --inetd -a -l "127.0.0.2:$PORT" -E PATH -E ASAN_OPTIONS \
	    -E UBSAN_OPTIONS -E TCPREMOTEIP "$(command -v lonc-serve)" \
	    -C "$PWD/here"
	wait_for 10 grep -q Listening other.log
	run -1 old_client "127.0.0.2:$PORT" ping
	logged "init: refused"
	wait_for 10 grep -q 127.0.0.9 other.log
}

@test "without TCPREMOTEIP a caller is known by its own address" {
	make_host third 127.0.0.7
	start_systemd 127.0.0.2
	expect_eq "there here 0" "$(old_client "127.0.0.2:$PORT" who)"
	nc -N -s 127.0.0.7 127.0.0.2 "$PORT" <<<hello >reply
	expect_eq refused "$(cat reply)"
	wait_for 10 grep -q 'third: .*127.0.0.7' systemd.log
}

@test "an IPv4 address is known in its IPv6 form" {
	address=::ffff:127.0.0.1
	expect_eq "there here 0" "$(ask who)"
	address=::FFFF:7f00:1
	expect_eq "there here 0" "$(ask who)"
}

@test "an IPv4 caller is known on a socket of both families" {
	start_systemd '[::]'
	expect_eq "there here 0" "$(old_client "127.0.0.2:$PORT" who)"
}

@test "an IPv6 address in the table is known however it is written" {
	echo 'six:test:access:six.example:[2001:db8:0::0:6]' >>hosts.tab
	address=2001:0DB8::6
	serve_bytes 'init\nx\n'
	logged 'lonc-serve: six: '
}

@test "of several ids at one address the last that is not our own counts" {
	sed -i 's/^here:.*/first:test:library:h.example:127.0.0.1/' hosts.tab
	for id in second there here served; do
		echo "$id:test:access:h.example:127.0.0.1"
	done >>hosts.tab
	set_conf here served_ids served
	expect_eq "there here 0" "$(ask who)"
	sed -i '/served_ids/d' here/lonc.conf
	expect_eq "served here 0" "$(ask who)"
}

@test "a caller whose line leaves the address to DNS is known by its name" {
	knows_localhost || skip "this machine does not know localhost"
	sed -i '/^there:/d' hosts.tab
	echo there:test:access:localhost:https >>hosts.tab
	expect_eq "there here 0" "$(ask who)"
	sed -i 's/localhost:https/LocalHost./' hosts.tab
	expect_eq "there here 0" "$(ask who)"
	sed -i 's/LocalHost./elsewhere.example:http/' hosts.tab
	run -1 ask who
	logged "init: refused"
}

@test "an address in the table counts more than a name" {
	knows_localhost || skip "this machine does not know localhost"
	echo other:test:access:localhost:https >>hosts.tab
	expect_eq "there here 0" "$(ask who)"
}

# ---- the words a server answers itself ----

@test "sethost chooses among the ids that are served, and ping follows" {
	set_conf here served_ids 'also, more'
	printf '%s\n' ping sethost:also ping who sethost:elsewhere ping \
	    sethost:there sethost: sethost ping sethost:here ping sethost:more \
	    who ping:anything >requests
	cat >wanted <<-END
		here
		ok
		also
		there also 0
		not_ok
		also
		not_ok
		not_ok
		not_ok
		also
		ok
		here
		ok
		there more 0
		more
	END
	ask <requests >got.replies
	diff wanted got.replies
}

@test "the key is made of the id that sethost chose" {
	set_conf here served_ids also
	expect_eq $'also\nthere also 1' "$(ask --server-id=also \
	    encrypt:ping encrypt:who)"
}

@test "a link that asks for an id that is not served is told so" {
	run -1 ask --server-id=other ping
	logged "sethost: not_ok"
}

@test "ids that no host can have are not_ok to sethost" {
	{
		printf 'sethost:here\0\n'
		printf 'sethost:here\0x\n'
		printf 'sethost:../here\n'
		printf 'sethost:%070d\n' 0
		printf 'sethost:here \n'
		printf 'sethost:HERE\n'
		printf 'sethost:here:\n'
	} | ask --pipeline >got.replies
	expect_eq "7 not_ok" "$(sort got.replies | uniq -c | xargs)"
}

@test "version tells ours, whatever theirs is" {
	ours=version:$(lonc-serve -V | tr ' ' - | sed 's/-serve//')
	{
		printf 'version:lonc-9.9+once+more\n'
		printf 'version:$Revision: 1.121 $\n'
		printf 'version:\n'
		printf 'version\n'
		printf 'version:\0\377\n'
		printf 'version:%05000d\n' 0
	} | ask --pipeline >got.replies
	expect_eq "6 $ours" "$(sort got.replies | uniq -c | xargs)"
	[[ $ours =~ ^version:lonc-[A-Za-z0-9_.-]+$ ]]
}

# load_is LIMIT: whether the reply to load is what the system says
load_is() {
	local limit=$1 before after reply

	read -r before _ </proc/loadavg
	reply=$(ask load)
	read -r after _ </proc/loadavg
	[[ $reply =~ ^[0-9]+(\.[0-9]+)?$ ]] || return
	# Both are rounded to two digits.
	awk -v r="$reply" -v l="$limit" -v b="$before" -v a="$after" 'BEGIN {
		load = r * l / 100
		near = 0.01 + 0.01 * l / 100
		exit !(load > b - near && load < b + near ||
		    load > a - near && load < a + near)
	}'
}

@test "load is the load average in percent of lonLoadLim" {
	load_is 2
	set_conf here lonLoadLim 0.01
	load_is 0.01
	set_conf here lonLoadLim 1234.5
	load_is 1234.5
}

@test "userload is 0 without a limit, and else a decimal number" {
	expect_eq 0 "$(ask userload)"
	set_conf here lonUserLoadLim 8
	wanted=$(awk -v n="$(who | wc -l)" 'BEGIN { print 100 * n / 8 }')
	got=$(ask userload)
	[[ $got =~ ^[0-9]+(\.[0-9]+)?$ ]]
	expect_eq "$wanted" "$(awk -v n="$got" 'BEGIN { print n + 0 }')"
}

@test "exit is answered bye, and then the connection is closed" {
	expect_eq bye "$(ask exit)"
	expect_eq bye "$(ask --pipeline exit:now)"
	run -1 ask --pipeline exit ping
	expect_eq bye "$output"
	logged "request: end of file"
}

@test "exit is taken sealed too" {
	expect_eq bye "$(ask encrypt:exit)"
}

@test "a command that nobody knows is unknown_cmd, and the next is answered" {
	expect_eq $'unknown_cmd\nhere\nunknown_cmd\nhere' \
	    "$(ask nothing:x ping encrypt:nothing ping)"
}

@test "a word that only begins or ends like a command is unknown" {
	printf '%s\n' pingx pin Ping ' ping' 'ping ' $'ping\r' echox ech \
	    'echo ' : :ping '' >requests
	ask --pipeline <<<"$(head -n 11 requests)" >got.replies
	expect_eq "11 unknown_cmd" "$(sort got.replies | uniq -c | xargs)"
}

@test "names with a slash, a leading dot or a NUL match no handler" {
	mkdir here/handlers/sub
	for file in here/outside here/handlers/{.hidden,sub/inside}; do
		printf '#!/bin/sh\necho found\n' >"$file"
		chmod +x "$file"
	done
	{
		printf '%s:x\n' ../outside .hidden sub/inside ./echo \
		    ../handlers/echo /bin/echo echo/ . .. / "$PWD/here/outside"
		printf 'echo\0:x\n'
		printf '\0echo:x\n'
		printf 'echo\0/../../outside:x\n'
		printf '%0255d:x\n' 0
		printf '%0256d:x\n' 0
		printf '%05000d:x\n' 0
	} >requests
	ask <requests >got.replies
	expect_eq "17 unknown_cmd" "$(sort got.replies | uniq -c | xargs)"
}

@test "init, enc and once are no commands after the opening" {
	touch here/handlers/{init,enc,once,ping,exit}
	expect_eq $'unknown_cmd\nunknown_cmd\nunknown_cmd\nunknown_cmd\nhere' \
	    "$(ask init init:1 enc: once:1:1:0:ping ping)"
}

# ---- sealed lines ----

@test "commands with secrets are refused in clear and taken sealed" {
	for word in auth passwd currentauth makeuser changeuserauth; do
		handler here $word <<<'echo "taken $LONC_SECURE"'
	done
	handler here authx <<<'echo clear'
	for word in auth passwd currentauth makeuser changeuserauth; do
		printf '%s\n' $word:x $word encrypt:$word:x
		printf '%s\n' refused refused "taken 1" >>wanted
	done >requests
	ask <requests >got.replies
	diff wanted got.replies
	expect_eq clear "$(ask authx:x)"
}

@test "sealed_words says which commands those are" {
	set_conf here sealed_words 'echo,ping'
	handler here auth <<<'echo clear'
	expect_eq $'refused\nx\nrefused\nhere\nclear' \
	    "$(ask echo:x encrypt:echo:x ping encrypt:ping auth:x)"
}

@test "a command with a secret is refused in clear also if it is unknown" {
	expect_eq $'refused\nunknown_cmd' "$(ask auth:x encrypt:auth:x)"
}

@test "replies to sealed requests are in clear unless the handler seals them" {
	handler here eget <<<'printf "encrypt:secret %s\n" "$LONC_SECURE"'
	expect_eq $'public\nsecret 1\nsecret 0\nunknown_cmd\nthere here 1' \
	    "$(server=./tapped ask encrypt:echo:public encrypt:eget:x eget:x \
	    encrypt:nothing encrypt:who)"
	expect_eq 2 "$(grep -c '^enc:8:[0-9a-f]\{32\}$' wire)"
	grep -qx public wire
	grep -qx unknown_cmd wire
	run ! grep -q secret wire
}

@test "a sealed reply may be empty, long, and hold any byte" {
	handler here seal <<<'printf encrypt:; exec cat'
	perl -e 'print "x" x $_, "\n" for 0, 1, 7, 8, 9, 1000;
		print pack("C*", 0 .. 9, 11 .. 255), "\n"' >wanted
	sed 's/^/seal:/' wanted | ask >got.replies
	cmp wanted got.replies
	sed 's/^/encrypt:seal:/' wanted | ask >got.replies
	cmp wanted got.replies
}

@test "a sealed reply that is wanted without a key is an error" {
	handler here eget <<<'echo encrypt:secret'
	expect_eq $'error: no key\nhere' "$(server=./tapped ask --no-ekey \
	    eget: ping)"
	run ! grep -q secret wire
}

@test "a reply that begins like a sealed line goes sealed" {
	handler here odd <<<'echo enc:8:0123456789abcdef'
	expect_eq $'enc:8:0123456789abcdef\nhere' "$(server=./tapped ask odd \
	    ping)"
	run ! grep -q 0123456789abcdef wire
}

@test "a sealed line without a key is unknown_cmd" {
	expect_eq $'unknown_cmd\nunknown_cmd\nhere' \
	    "$(ask --no-ekey encrypt:ping enc:4:6992a8dd0e04f7cd ping)"
}

@test "a sealed line that cannot be opened is unknown_cmd" {
	a=6992a8dd0e04f7cd
	printf '%s\n' enc enc: enc:: enc:4 enc:4: enc:0: enc:9:$a enc:17:$a$a \
	    enc:4:${a}6 enc:4:${a}69 enc:4:${a%?} enc:4:${a%?}g enc:4:${a%?}\ \
	    enc::$a enc:x:$a enc:-4:$a enc:+4:$a enc:\ 4:$a enc:4x:$a \
	    enc:0x4:$a enc:18446744073709551620:$a \
	    enc:99999999999999999999999999:$a enc:4:$a: enc:0:$a >requests
	n=$(wc -l <requests)
	ask <requests >got.replies
	expect_eq "$n unknown_cmd" "$(sort got.replies | uniq -c | xargs)"
	{ cat requests; echo ping; } | ask --pipeline >got.replies
	expect_eq "1 here $n unknown_cmd" "$(sort got.replies | uniq -c |
	    xargs)"
}

@test "what is sealed twice, and a sealed line break, is unknown_cmd" {
	expect_eq $'unknown_cmd\nhere' \
	    "$(ask encrypt:enc:4:6992a8dd0e04f7cd ping)"
	expect_eq unknown_cmd "$(ask $'encrypt:echo:a\nping')"
}

@test "a new ekey replaces the key" {
	expect_eq here "$(ask encrypt:ping)"
	ask encrypt:ping ekey encrypt:ping ping >got.replies
	expect_eq here "$(sed -n 1p got.replies)"
	[[ $(sed -n 2p got.replies) =~ ^[0-9A-F]{32}$ ]]
	expect_eq unknown_cmd "$(sed -n 3p got.replies)"
	expect_eq here "$(sed -n 4p got.replies)"
}

# ---- lines ----

# line N: the request echo: with as much behind it as makes N bytes, and
# the reply to it
line() {
	perl -e 'print "echo:", "x" x ($ARGV[0] - 5), "\n"' "$1"
}

@test "a line over max_line is an error, and the next is answered" {
	set_conf here max_line 2000
	{
		line 2000
		line 2001
		line 4255
		line 4256
		line 4257
		line 100000
		echo ping
	} >requests
	for how in --timeout=10 --pipeline --bytewise; do
		[ "$how" != --bytewise ] || sed -i 6d requests
		ask "$how" <requests | cut -c 1-30 >got.replies
		expect_eq "1 error: line too long" \
		    "$(sort got.replies | uniq -c | sed -n 's/ *[45] e/1 e/p')"
		expect_eq xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx \
		    "$(head -n 1 got.replies)"
		expect_eq here "$(tail -n 1 got.replies)"
	done
}

@test "max_line counts the plain text of a sealed request" {
	set_conf here max_line 2000
	{
		printf encrypt:; line 2000
		printf encrypt:; line 2001
		printf encrypt:; line 2100
		printf encrypt:; line 3000
		echo encrypt:ping
	} | ask | cut -c 1-30 >got.replies
	expect_eq 1 "$(grep -c '^xxx*$' got.replies)"
	expect_eq 3 "$(grep -cx 'error: line too long' got.replies)"
	expect_eq here "$(tail -n 1 got.replies)"
}

@test "a long request is answered, plain and sealed" {
	# The old client needs seconds to seal so much.
	{ line 1048576; printf encrypt:; line 100000; } >requests
	ask <requests >got.replies
	sed 's/^.*echo://' requests | cmp - got.replies
}

@test "an empty reply is a reply" {
	expect_eq "[][here][][]" "$(ask echo: ping echo encrypt:echo: |
	    sed 's/.*/[&]/' | tr -d '\n')"
}

@test "requests and replies may hold any byte but LF" {
	perl -e 'print "echo:", pack("C*", 0 .. 9, 11 .. 255), "\n"' >request
	sed 's/echo://' request >wanted
	ask <request >got.replies
	cmp wanted got.replies
	{ printf encrypt:; cat request; } | ask >got.replies
	cmp wanted got.replies
}

@test "requests that come at once are answered in their order" {
	set_conf here max_line 1024
	handler here slow <<<'sleep 0.05; exec cat'
	for i in 1 2 3; do
		printf '%s\n' ping "slow:$i" nothing "echo:$i" \
		    "encrypt:slow:s$i" "echo:$(printf %01100d 0)" \
		    "encrypt:ping" "encrypt:auth" auth enc:1:zz \
		    "sethost:here" echo:
		printf '%s\n' here "$i" unknown_cmd "$i" "s$i" \
		    'error: line too long' here unknown_cmd refused \
		    unknown_cmd ok '' >>wanted
	done >requests
	ask --pipeline <requests >got.replies
	diff wanted got.replies
	ask --pipeline --empty-after-sealed --bytewise <requests >got.replies
	diff wanted got.replies
}

@test "thousands of requests that come at once are all answered" {
	yes version: | head -n 20000 >requests
	expect_eq 20000 "$(ask --timeout=5 --pipeline <requests | wc -l)"
}

@test "a client that only closes its sending half gets all its replies" {
	by_hand socketpair '
		if (fork == 0) {
			print $out $challenge, "version:\n" x 20000;
			shutdown $out, 1;
			exit;
		}
		print while <$in>;'
	ended by-hand
	expect_eq 20000 "$(grep -c '^version:' by-hand.out)"
}

@test "a long reply does not hold up the request behind it" {
	handler here big <<<'printf %0200000d 1'
	for how in --pipeline --bytewise; do
		ask --timeout=5 "$how" big: ping big: encrypt:big: ping |
		    awk '{ print length($0) }' >got.replies
		expect_eq "200000 4 200000 200000 4" "$(xargs <got.replies)"
	done
	old_client --timeout=5 --pipeline --socketpair ./serve -- big: ping |
	    awk '{ print length($0) }' >got.replies
	expect_eq "200000 4" "$(xargs <got.replies)"
}

@test "a client that does not read its replies is not read from either" {
	handler here big <<<'echo run >>runs; printf %0100000d 1'
	by_hand pipes 'print $out $challenge, "big:\n" x 50;
		select undef, undef, undef, 0.01 until -e "go";
		print scalar <$in> for 0 .. 50;'
	wait_for 10 ran 2
	wait_for 10 blocked
	run ! ran 4
	touch go
	ended by-hand
	expect_eq 50 "$(wc -l <runs)"
	expect_eq 50 "$(awk 'length($0) == 100000' by-hand.out | wc -l)"
}

# ---- pong, and waking our own link ----

@test "pong tells con_lost where no link of our own runs" {
	expect_eq here:con_lost "$(ask pong)"
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Listen => 1,
	    Local => "here/run/there") or die'
	[ -S here/run/there ]
	expect_eq here:con_lost "$(ask pong)"
	rm here/run/there
	touch here/run/there
	expect_eq here:con_lost "$(ask pong)"
}

@test "pong tells what our own link says" {
	fake_link there
	set_conf here served_ids also
	expect_eq $'here:there\nok\nalso:there\nalso:there' \
	    "$(ask pong sethost:also pong encrypt:pong)"
}

@test "pong tells an empty reply, and con_lost for one that is too long" {
	fake_link ''
	expect_eq here: "$(ask pong)"
	stop fake || :
	rm here/run/there got
	fake_link "$(printf %01000d 0)"
	expect_eq here:con_lost "$(ask pong)"
}

@test "our own link is woken once, when the opening is complete" {
	fake_link ok
	ask ping ekey encrypt:ping who pong >/dev/null
	expect_told ping lonc:wake ping
}

@test "our own link is not woken before the opening is complete" {
	fake_link ok
	expect_eq $'ok\nnot_ok\nversion' "$(ask --no-ekey sethost:here \
	    sethost:no version: | sed 's/:.*//')"
	run -1 ask --wrong-echo ping
	expect_told ping
}

@test "our own link is woken by the first request of a short opening" {
	fake_link ok
	expect_eq $'here\nhere' "$(ask --no-sethost --no-version --no-pong \
	    --no-ekey ping ping)"
	expect_told lonc:wake
}

@test "a link of our own that takes nothing does not hold up a client" {
	perl -MIO::Socket::UNIX -e '
		$l = IO::Socket::UNIX->new(Listen => 1,
		    Local => "here/run/there") or die;
		# Connections that nobody takes, until no more of them fit.
		while (push @c, $c = IO::Socket::UNIX->new(Type =>
		    SOCK_STREAM)) {
			$c->blocking(0);
			connect $c, pack_sockaddr_un("here/run/there") or last;
		}
		exec @ARGV' env TCPREMOTEIP="$address" \
	    "$root/tests/old-client.pl" --server-id here --client-id there \
	    --no-pong --timeout 4 --exec ./serve -- ping >got.replies
	expect_eq here "$(cat got.replies)"
}

# ---- its end ----

@test "told to end while it is idle, it ends with status 0" {
	for signal in TERM INT; do
		by_hand pipes 'print $out $challenge;
			print while <$in>;'
		wait_for 10 grep -q 'opening -> open' by-hand.log
		kill -s $signal "$(cat pid)"
		ended by-hand
		rm by-hand.log pid
	done
}

@test "told to end before the opening is complete, it ends with status 0" {
	by_hand pipes 'print <$in>'
	wait_for 10 test -s pid
	wait_for 10 blocked
	kill -s TERM "$(cat pid)"
	ended by-hand
	grep -q 'opening -> closing: .*told to end' by-hand.log
}

@test "told to end while a handler runs, it still sends that reply" {
	handler here slow <<-'END'
		touch running
		until [ -e go ]; do sleep 0.01; done
		echo done
	END
	start_client --exec ./serve -- slow:
	wait_for 10 test -e running
	kill -s TERM "$(cat pid)"
	wait_for 10 grep -q closing client.log
	touch go
	ended client
	expect_eq "done" "$(cat client.out)"
}

@test "told to end while a handler runs, it takes no further request" {
	handler here slow <<-'END'
		touch running
		until [ -e go ]; do sleep 0.01; done
		echo done
	END
	handler here mark <<<'touch marked'
	start_client --pipeline --exec ./serve -- slow: mark:
	wait_for 10 test -e running
	kill -s TERM "$(cat pid)"
	wait_for 10 grep -q closing client.log
	touch go
	status=0
	ended client || status=$?
	expect_eq "1 done" "$status $(cat client.out)"
	grep -q 'request: end of file' client.log
	run ! grep -q 'the command' client.log
	[ ! -e marked ]
}

@test "told to end, it waits for a slow client without being busy" {
	handler here big <<<'echo run >>runs; printf %0100000d 1'
	by_hand pipes 'print $out $challenge, "big:\n" x 10;
		select undef, undef, undef, 0.01 until -e "told";
		read $in, $_, 100000;
		open F, ">", "taken";
		select undef, undef, undef, 0.01 until -e "go";
		print while <$in>;'
	wait_for 10 ran 2
	wait_for 10 blocked
	kill -s TERM "$(cat pid)"
	touch told
	wait_for 10 test -e taken
	wait_for 2 blocked
	touch go
	ended by-hand
}

@test "told to end, it does not wait for ever for a client that does not read" {
	handler here big <<<'echo run >>runs; printf %0100000d 1'
	by_hand pipes 'print $out $challenge, "big:\n" x 10;
		select undef, undef, undef, 0.01 until -e "go";
		print while <$in>;'
	wait_for 10 ran 2
	wait_for 10 blocked
	kill -s TERM "$(cat pid)"
	wait_for 10 over
	touch go
}

@test "HUP means nothing to it, and nothing to the handler that runs" {
	handler here slow <<-'END'
		touch running
		until [ -e go ]; do sleep 0.01; done
		echo done
	END
	start_client --pipeline --exec ./serve -- slow: ping
	wait_for 10 test -e running
	kill -s HUP "$(cat pid)"
	touch go
	ended client
	expect_eq $'done\nhere' "$(cat client.out)"
}

@test "a handler whose client goes away is left to finish" {
	handler here slow <<-'END'
		touch running
		until [ -e go ]; do sleep 0.01; done
		echo done
		touch finished
	END
	printf '#!/bin/sh\nlonc-serve -C here\necho $? >status\n' >counted
	chmod +x counted
	start_client --exec ./counted -- slow:
	wait_for 10 test -e running
	kill -s KILL "$(pid_of client)"
	touch go
	wait_for 10 test -s status
	[ -e finished ]
	expect_eq 111 "$(cat status)"
}

@test "a client that goes away in the middle of a long reply is no crash" {
	start_serve here
	handler here big <<<'printf %03000000d 1'
	cat >dialogue <<-'END'
		use IO::Socket::INET;
		$s = IO::Socket::INET->new(PeerAddr => $ARGV[0]) or die $@;
		syswrite $s, "init\n";
		sysread $s, $_, 100;
		syswrite $s, $_ . "big:\n" x 3;
		for ($n = 0; $n < 100000; $n += sysread $s, $_, 5000) { }
		setsockopt $s, SOL_SOCKET, SO_LINGER, pack "ii", 1, 0;
		close $s;
	END
	perl dialogue "127.0.0.2:$PORT"
	wait_for 10 grep -q 'end .* exit 111' serve-here.out
}

# ---- how it is started ----

@test "lonc-serve -t says nothing of a good configuration" {
	run -0 lonc-serve -C here -t
	expect_eq "" "$output"
	LONC_CONF=here run -0 lonc-serve -t
	LONC_CONF=nowhere run -0 lonc-serve -C here -t
}

@test "lonc-serve -t exits 100 for each fault of the configuration" {
	cp here/lonc.conf good
	for fault in 'lonLoadLim none' 'init_timeout -1' 'allow_legacy maybe:' \
	    'lonHostID .x' 'max_line 1'; do
		{ cat good; echo "$fault"; } >here/lonc.conf
		run -100 lonc-serve -C here -t
		[[ $output == "lonc-serve: here/lonc.conf:"*"${fault%% *}"* ]]
	done
	cp good here/lonc.conf
	echo "broken line" >>hosts.tab
	run -100 lonc-serve -C here -t
	[[ $output == "lonc-serve: here/hosts.tab:3: "* ]]
	sed -i '$d' hosts.tab
	rmdir here/state
	mv here/handlers elsewhere
	run -100 lonc-serve -C here -t
	[[ $output == "lonc-serve: handlers here/handlers: "* ]]
	touch here/handlers
	run -100 lonc-serve -C here -t
	[[ $output == "lonc-serve: handlers here/handlers: "* ]]
	rm here/handlers
	mv elsewhere here/handlers
	run -0 lonc-serve -C here -t
}

@test "lonc-serve does not serve with a configuration that it cannot use" {
	LONC_CONF=$PWD/nowhere run -100 lonc-serve </dev/null
	[[ $output == "lonc-serve: "*nowhere/lonc.conf* ]]
	mv here/hosts.tab elsewhere
	run -100 lonc-serve -C here </dev/null
	[[ $output == "lonc-serve: "*here/hosts.tab* ]]
	mv elsewhere here/hosts.tab
	echo 'max_line x' >>here/lonc.conf
	run -100 lonc-serve -C here </dev/null
	[[ $output == "lonc-serve: "*max_line* ]]
}

@test "a bad line in hosts.tab stops nobody but the host it names" {
	sed -i '1i bad/id:test:access:x.example:127.0.0.1' hosts.tab
	expect_eq "there here 0" "$(ask who)"
	logged hosts.tab:1
}

@test "lonc-serve -h and -V answer on standard output" {
	run -0 --separate-stderr lonc-serve -h
	[[ $output == "usage: lonc-serve [-C dir] [-t]"* ]]
	expect_eq "" "$stderr"
	run -0 --separate-stderr lonc-serve -V
	[[ $output =~ ^lonc-serve\ [0-9]+\.[0-9]+ ]]
	expect_eq "" "$stderr"
}

@test "lonc-serve exits 100 with its usage when it is misused" {
	for wrong in -x -C -tx word '-t word'; do
		# shellcheck disable=SC2086
		run -100 --separate-stderr lonc-serve $wrong </dev/null
		expect_eq "" "$output"
		[[ $stderr == *"usage: lonc-serve "* ]]
	done
}

@test "a handler's reply comes also where SIGCHLD was ignored from the start" {
	set_conf here handler_timeout 5
	expect_eq $'x\nhere' "$(old_client --timeout=2 --exec perl -e \
	    '$SIG{CHLD} = "IGNORE"; exec @ARGV' lonc-serve -C here -- echo:x \
	    ping)"
}

@test "lonc-serve serves, and sends no log to the client, without stderr" {
	no_valgrind "takes the descriptor for its own log"
	expect_eq "$replies" "$(old_client --exec sh -c \
	    'exec lonc-serve -C here 2>&-' -- "${requests[@]}")"
}

@test "a log that nobody reads does not hold up a client" {
	mkfifo full
	exec {full}<>full
	perl -MFcntl -e 'open F, "+<", "full" or die; fcntl F, F_SETFL,
	    O_RDWR | O_NONBLOCK; 1 while syswrite F, "x" x 1024'
	expect_eq "$replies" "$(old_client --timeout=5 --exec sh -c \
	    'exec lonc-serve -C here 2>full' -- "${requests[@]}")"
	exec {full}>&-
}

@test "the log shows the client's id and no request" {
	ask echo:private encrypt:auth:private nothing:private >/dev/null
	grep '^lonc-serve: there: ' serve.log
	run ! grep -q private serve.log
	expect_eq 0 "$(grep -vc '^lonc-serve: there: ' serve.log)"
}

@test "what a stranger sends is escaped in the log" {
	serve_bytes 'in\001\033[31m\377it\n'
	logged 'in\x01\x1b[31m\xffit'
	run ! grep -q "$(printf '\033')" serve.log
}
