#!/usr/bin/env bats
# Handlers: how lonc-serve runs them, and those of contrib/handlers.
# Not tested:
#	permissions, where the tests run as root
#	a handler that leaves its process group: it outlives its time
#	want of memory or processes
#	the disk that contrib/handlers/log cannot write to in the end

# Handlers and Perl code are quoted on purpose; what seems to be unset, and to
# be lost, is set by bats(1) and the files loaded, for one test at a time.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load serve

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# ask_daemon REQUEST...: over TCP, of a server whose handlers, and all that they
# may leave behind, end with the test
ask_daemon() {
	[ -e serve-here.pid ] || start_serve here
	old_client "127.0.0.2:$PORT" "$@"
}

# gone FILE: whether the process whose id is there has ended
gone() {
	! grep -qs '^State:.[^Z]' "/proc/$(cat "$1")/status"
}

# took_ms COMMAND...: run it, print how many milliseconds that took
took_ms() {
	local since

	since=$(now)
	"$@" >&2
	echo $(($(now) - since))
}

# ---- what a handler finds ----

@test "a handler's environment is as documented, and nothing else" {
	handler here env <<<'tr "\\0" "|" </proc/$$/environ'
	set_conf here served_ids also
	printf '%s\n' env: sethost:also encrypt:env: >requests
	env -i PATH="$PATH:/elsewhere" HOME=/root SHELL=x LONC_CLIENT=wrong \
	    LONC_X=1 IFS=x LANG=C PROTOX=no PROT=no TC=no tcpremoteip=no \
	    PROTO=SSL TCPLOCALIP=::1 TCPREMOTEINFO=' a=b;c' TCPLOCALHOST= \
	    ASAN_OPTIONS="$ASAN_OPTIONS" UBSAN_OPTIONS="$UBSAN_OPTIONS" \
	    TCPREMOTEIP="$address" "$root/tests/old-client.pl" --server-id \
	    here --client-id there --exec ./serve <requests 2>>serve.log |
	    tr -s '|\n' '\n' >got
	wanted() {
		sort <<-END
			LONC_CLIENT=there
			LONC_COMMAND=env
			LONC_HOSTID=$1
			LONC_SECURE=$2
			PATH=$path
			PROTO=SSL
			TCPLOCALHOST=
			TCPLOCALIP=::1
			TCPREMOTEINFO= a=b;c
			TCPREMOTEIP=127.0.0.1
		END
	}
	diff <(wanted here 0) <(sed '/^ok$/,$d' got | sort)
	diff <(wanted also 1) <(sed '1,/^ok$/d' got | sort)
}

@test "a handler gets tcpserver's variables as they are" {
	handler here env <<<'tr "\\0" "|" </proc/$$/environ'
	start tcpserver tcpserver -v -H -R -l local.example 127.0.0.2 "$PORT" \
	    lonc-serve -C here
	wait_for 10 grep -q status: tcpserver.log
	old_client "127.0.0.2:$PORT" env: | tr -s '|\n' '\n' | sort >got
	sed -i 's/^\(TCPREMOTEPORT=\)[1-9][0-9]*$/\1some/' got
	diff - got <<-END
		LONC_CLIENT=there
		LONC_COMMAND=env
		LONC_HOSTID=here
		LONC_SECURE=0
		PATH=$path
		PROTO=TCP
		TCPLOCALHOST=local.example
		TCPLOCALIP=127.0.0.2
		TCPLOCALPORT=$PORT
		TCPREMOTEIP=127.0.0.1
		TCPREMOTEPORT=some
	END
}

@test "a handler's standard input is what follows the first colon" {
	handler here od <<<'od -An -tx1 | tr -d " \\n"'
	expect_eq "" "$(ask od od:)"
	expect_eq $'61\n3a61\n6e20' "$(ask od:a od::a 'od:n ')"
	printf 'od:a\0\r\377\n' | ask >got
	expect_eq 61000dff "$(cat got)"
	printf 'encrypt:od:a\0\r\377\n' | ask >got
	expect_eq 61000dff "$(cat got)"
}

@test "a handler's standard input may be 1 MiB, and ends" {
	set_conf here max_line 2000000
	handler here sum <<<'exec cksum'
	head -c 2000000 /dev/urandom | tr -d '\n' | head -c 1048576 >text
	{ printf sum:; cat text; echo; } | ask >got
	expect_eq "$(cksum <text)" "$(cat got)"
}

@test "a handler has the descriptors 0 to 2 and no other" {
	no_valgrind "leaves its log open"
	# The one it opens itself would not be the first behind those.
	handler here fds <<<'exec ls -m /proc/self/fd'
	exec {one}<here/lonc.conf {two}>some-file
	expect_eq $'0, 1, 2, 3\n0, 1, 2, 3' "$(ask fds fds)"
	exec {one}<&- {two}>&-
}

@test "a handler neither ignores nor blocks any signal" {
	# Without the signals from 32 on, some of which are the C library's.
	handler here signals <<-'END'
		sed -n 's/^Sig\(Blk\|Ign\):[^0-9]*/\1 /p' /proc/self/status |
		while read -r what mask; do
			echo "$what $((0x$mask & 0x7fffffff))"
		done | sort | paste -sd' '
	END
	expect_eq "Blk 0 Ign 0" "$(ask signals)"
	expect_eq "Blk 0 Ign 0" "$(old_client --exec sh -c \
	    'trap "" PIPE; exec lonc-serve -C here' -- signals)"
}

@test "a handler has a process group of its own" {
	handler here group <<<'echo $(ps -o pgid= -p $$ $PPID)  $$'
	read -r own parent self <<<"$(ask group)"
	[ "$own" = "$self" ] || [ "$parent" = "$self" ]
	[ "$own" != "$parent" ]
}

@test "a handler has no arguments, and knows its path" {
	handler here args <<<'echo "$# $0"'
	expect_eq "0 here/handlers/args" "$(ask args:a)"
}

@test "a handler's name may be any that a file can have" {
	long=$(printf %0255d 0)
	for name in 'a b' '$(echo x); y' $'\377\001' "'" '-n' "$long" a=b; do
		handler here "$name" <<<'printf "%s|" "$LONC_COMMAND"; cat'
		echo "$name:z"
		echo "$name|z" >>wanted
	done >requests
	ask <requests >got
	diff wanted got
}

@test "a handler is found as soon as its file is there" {
	handler here new <<<'echo new'
	mv here/handlers/new .
	handler here make <<<'mv new here/handlers/new; echo made'
	handler here unmake <<<'mv here/handlers/new new; echo unmade'
	expect_eq $'unknown_cmd\nmade\nnew\nunmade\nunknown_cmd' \
	    "$(ask new make new unmake new)"
}

@test "a handler may be a symbolic link" {
	handler here real <<<'cat'
	mv here/handlers/real elsewhere
	ln -s "$PWD/elsewhere" here/handlers/link
	expect_eq x "$(ask link:x)"
}

# ---- what it prints ----

@test "the first line of a handler's output is the reply" {
	handler here many <<<'printf "one\\ntwo\\nthree\\n"'
	handler here open <<<'printf one'
	handler here nothing <<<'exit 0'
	handler here newline <<<'echo; echo two'
	handler here cr <<<'printf "one\\r\\n"'
	handler here halves <<<'printf on; sleep 0.05; printf "e\\ntwo"'
	printf '%s\n' many open nothing newline cr halves >requests
	printf '%s\n' one one '' '' $'one\r' one >wanted
	ask <requests >got
	diff wanted got
	ask --pipeline <requests >got
	diff wanted got
}

@test "a handler may print any bytes" {
	handler here bytes <<<'cat bytes'
	perl -e 'print pack("C*", 0 .. 9, 11 .. 255) x 100, "\n"' >bytes
	ask bytes >got
	cmp bytes got
}

@test "what a handler printed is not lost when it has ended first" {
	handler here quick <<-'END'
		echo $$ >handler
		kill -s STOP $PPID
		head -c 60000 /dev/zero | tr '\0' x
	END
	start_client --exec ./serve -- quick
	wait_for 10 test -s handler
	wait_for 10 gone handler
	kill -s CONT "$(cat pid)"
	ended client
	expect_eq 60001 "$(wc -c <client.out)"
}

@test "a handler may print megabytes behind its reply" {
	handler here chatty <<-'END'
		echo first
		head -c 5000000 /dev/zero && touch printed-all
	END
	expect_eq $'first\nfirst' "$(ask chatty chatty)"
	[ -e printed-all ]
}

@test "a handler may print megabytes before it reads megabytes" {
	set_conf here max_line 2000000
	handler here both <<-'END'
		head -c 3000000 /dev/zero | tr '\0' x
		wc -c
	END
	perl -e 'print "both:", "y" x 1500000, "\n"' | ask |
	    sed 's/^x*//' >got
	expect_eq 1500000 "$(cat got)"
}

@test "a reply over max_reply is an error, and the next is answered" {
	set_conf here max_reply 2000
	handler here big <<<'head -c "$(cat)" /dev/zero | tr "\\0" x'
	handler here line <<<'head -c "$(cat)" /dev/zero | tr "\\0" x; echo'
	handler here second <<<'echo first; head -c 100000 /dev/zero'
	ask big:2000 line:2000 big:2001 line:2001 big:20000 line:1000000 \
	    second big:1 | sed 's/x\{2000\}/2000/' >got
	diff - got <<-END
		2000
		2000
		error: big: its reply is too long
		error: line: its reply is too long
		error: big: its reply is too long
		error: line: its reply is too long
		first
		x
	END
	expect_eq 4 "$(grep -c 'its reply is too long' serve.log)"
}

@test "what a handler says on standard error is in the log alone" {
	handler here talk <<<'echo oops >&2; echo fine'
	expect_eq fine "$(ask talk)"
	logged oops
}

# ---- how it ends ----

@test "a permanent exit status makes the output the reply, or refused" {
	handler here with <<<'read -r n; echo "rejected by $n"; exit "$n"'
	handler here bare <<<'read -r n; exit "$n"'
	for n in 100 64 65 70 76 77 78 112; do
		printf '%s\n' "with:$n" "bare:$n"
		printf '%s\n' "rejected by $n" "error: bare: refused" >>wanted
	done >requests
	ask <requests >got
	diff wanted got
}

@test "any other exit status is an error, whatever was printed" {
	handler here fail <<<'read -r n; echo "printed"; exit "$n"'
	for n in 1 2 63 66 69 71 75 99 101 111 113 126 127 128 255; do
		echo "fail:$n"
		echo "error: fail: exit status $n" >>wanted
	done >requests
	ask <requests >got
	diff wanted got
	expect_eq "$(wc -l <wanted)" \
	    "$(grep -c 'there: handler fail: exit status' serve.log)"
}

@test "a handler that dies of a signal is an error" {
	handler here die <<<'echo printed; kill -s "$(cat)" $$'
	expect_eq "error: die: killed by signal 9
error: die: killed by signal 15
error: die: killed by signal 13
error: die: killed by signal 6" "$(ask die:KILL die:TERM die:PIPE die:ABRT)"
	logged 'handler die: killed by signal 9'
}

@test "a handler that asks for a sealed reply gets it in every case" {
	handler here seal <<<'echo encrypt:no; exit 100'
	expect_eq no "$(ask seal)"
	expect_eq "error: no key" "$(ask --no-ekey seal)"
}

# expect_cannot_run NAME REASON: it is an error, which is logged
expect_cannot_run() {
	expect_eq "error: $1: $2
unknown_cmd" "$(ask "$1:x" other)"
	logged "there: handler $1: $2"
}

@test "a handler that is not executable is an error" {
	no_valgrind "posix_spawn(3) does not tell of errors"
	handler here plain <<<'echo x'
	chmod 644 here/handlers/plain
	expect_cannot_run plain "Permission denied"
}

@test "a directory, a FIFO or a device is an error and no handler" {
	mkdir here/handlers/directory
	mkfifo -m 755 here/handlers/fifo
	ln -s /dev/null here/handlers/device
	for name in directory fifo device; do
		expect_cannot_run $name "Permission denied"
	done
}

@test "a handler without #! is an error and is not given to a shell" {
	no_valgrind "posix_spawn(3) does not tell of errors"
	printf 'touch ran\necho ran\n' >here/handlers/bare
	: >here/handlers/empty
	chmod +x here/handlers/{bare,empty}
	expect_cannot_run bare "Exec format error"
	expect_cannot_run empty "Exec format error"
	[ ! -e ran ]
}

@test "a handler whose interpreter is missing is an error" {
	no_valgrind "posix_spawn(3) does not tell of errors"
	printf '#!/nonexistent/interpreter\n' >here/handlers/missing
	printf '#!/bin/sh\r\necho x\r\n' >here/handlers/dos
	chmod +x here/handlers/{missing,dos}
	expect_cannot_run missing "No such file or directory"
	expect_cannot_run dos "No such file or directory"
}

@test "a handler that is a link to nothing is an error" {
	ln -s nowhere here/handlers/dangling
	expect_cannot_run dangling "No such file or directory"
}

@test "a handler that reads nothing of a long request is within its rights" {
	set_conf here max_line 2000000
	handler here deaf <<<'echo fine'
	handler here closed <<<'exec <&-; echo fine'
	handler here part <<<'head -c 10; exit 0'
	perl -e 'print "$_:", "y" x 1500000, "\n" for qw(deaf closed part)' |
	    ask >got
	expect_eq $'fine\nfine\nyyyyyyyyyy' "$(cat got)"
}

@test "a handler is over when it has ended, though a child has its output" {
	handler here leave <<-'END'
		(
			trap '' PIPE
			until [ -e go ]; do sleep 0.01; done
			echo late
			touch over
		) &
		echo done
	END
	handler here half <<<'sleep 1000 & printf "%s" half'
	handler here quiet <<<'sleep 1000 & exit 0'
	handler here later <<-'END'
		touch go
		until [ -e over ]; do sleep 0.01; done
		echo later
	END
	expect_eq $'done\nhalf\n\nlater' "$(ask_daemon leave half quiet later)"
}

@test "a handler that has closed its output is waited for" {
	handler here slow <<-'END'
		echo done
		exec >&-
		sleep 0.1
		touch finished
	END
	handler here finished <<<'[ -e finished ] && echo yes'
	expect_eq $'done\nyes' "$(ask --pipeline slow finished)"
}

@test "a handler over handler_timeout is told to end, and its group with it" {
	set_conf here handler_timeout 0.5
	handler here slow <<-'END'
		echo $$ >leader
		sh -c 'sleep 1000 & echo $! >grandchild; wait' &
		echo printed
		wait
	END
	expect_eq $'error: slow: not done in time\nunknown_cmd' \
	    "$(ask_daemon slow other)"
	logged "there: handler slow: not done in time"
	gone leader
	wait_for 10 gone grandchild
}

@test "a handler's children are told to end as well, and have time for it" {
	set_conf here handler_timeout 0.5
	handler here parent <<-'END'
		trap : TERM
		sh -c 'trap "touch told; exit" TERM
			while :; do sleep 0.01; done' &
		until [ -e told ]; do sleep 0.01; done
	END
	expect_eq "error: parent: not done in time" "$(ask_daemon parent)"
	[ -e told ]
}

@test "what a handler says when its time is over comes too late" {
	set_conf here handler_timeout 0.5
	handler here late <<-'END'
		trap 'echo late; exit 0' TERM
		touch set
		while :; do sleep 0.01; done
	END
	expect_eq "error: late: not done in time" "$(ask_daemon late)"
	[ -e set ]
}

@test "a handler's child that ignores TERM is killed when the handler ends" {
	set_conf here handler_timeout 0.5
	handler here parent <<-'END'
		(trap '' TERM; echo ready >ready; exec sleep 1000) &
		echo $! >child
		wait
	END
	expect_eq "error: parent: not done in time" "$(ask_daemon parent)"
	[ -e ready ]
	wait_for 10 gone child
}

@test "a handler that ignores TERM is killed 2 seconds later, and its group" {
	set_conf here handler_timeout 0.5
	handler here deaf <<-'END'
		trap 'touch told' TERM
		(trap '' TERM; exec sleep 1000) &
		echo $! >child
		while :; do sleep 0.05; done
	END
	took=$(took_ms ask_daemon deaf 2>replies)
	expect_eq "error: deaf: not done in time" "$(cat replies)"
	[ -e told ]
	[ "$took" -ge 2500 ]
	wait_for 10 gone child
}

@test "many requests leave neither zombies nor open descriptors" {
	# A pipe to the handler may be there still, and another one not yet.
	handler here count <<-'END'
		ls /proc/$PPID/fd | wc -l
	END
	handler here children <<-'END'
		echo children $(ps -o pid= --ppid $PPID | wc -l)
	END
	handler here fail <<<'exit 1'
	handler here odd <<<'exit 0'
	chmod -x here/handlers/odd
	for _ in {1..30}; do printf '%s\n' fail: count:x no odd:; done >requests
	{ cat requests; echo children; } | ask --pipeline | tail -n 4 >got
	[ "$(sed -n 1p got)" -lt 30 ]
	expect_eq "children 1" "$(tail -n 1 got)"
}

# ---- contrib/handlers ----

# contrib NAME: as a handler of the host here
contrib() {
	cp "$root/contrib/handlers/$1" here/handlers/
}

@test "contrib's echo gives back what it is given" {
	contrib echo
	expect_eq $'a:b\n\n' "$(ask echo:a:b echo: echo)"$'\n\n'
	perl -e 'print "echo:", pack("C*", 0 .. 9, 11 .. 255) x 4000, "\n"' \
	    >request
	sed 's/^echo://' request >wanted
	ask <request >got
	cmp wanted got
}

@test "contrib's uptime tells the time and the load" {
	contrib uptime
	[[ $(ask uptime) =~ ^up\ [0-9]+\ days\ [0-9]{2}:[0-9]{2},\ \
load\ [0-9.]+\ [0-9.]+\ [0-9.]+$ ]]
}

@test "contrib's log keeps a line for each request" {
	contrib log
	expect_eq $'ok\nok\nok' "$(ask 'log:a %s\n $(x)  b ' log encrypt:log:c)"
	sed 's/^[0-9]\{4\}-[0-9][0-9]-[0-9][0-9]T[0-9:]\{8\}Z /TIME /' \
	    here/state/log >got
	printf '%s\n' 'TIME there a %s\n $(x)  b ' 'TIME there ' \
	    'TIME there c' >wanted
	diff wanted got
	expect_eq 600 "$(stat -c %a here/state/log)"
}

@test "contrib's log keeps no byte that would upset a terminal" {
	contrib log
	printf 'log:a\0b\033[1m\177\r\t%%\n' | ask >got
	expect_eq ok "$(cat got)"
	[[ $(cat here/state/log) == *" there a?b?[1m???%" ]]
}

@test "contrib's log keeps lines whole when many write at once" {
	local pids=()

	contrib log
	for i in {1..5}; do
		printf 'log:%03000d\n' "$i" "$i" >"requests.$i"
		ask --pipeline <"requests.$i" &
		pids+=($!)
	done >replies
	wait "${pids[@]}"
	expect_eq "10 ok" "$(sort replies | uniq -c | xargs)"
	expect_eq 10 "$(grep -cE ' there [0-9]{3000}$' here/state/log)"
	expect_eq 10 "$(wc -l <here/state/log)"
}

@test "contrib's log fails for now where it cannot write" {
	contrib log
	rmdir here/state
	expect_eq "error: log: exit status 111" "$(ask log:x)"
}

@test "contrib's log finds state_dir as lonc.conf(5) has it" {
	contrib log
	for form in "state_dir $PWD/new" "PerlSetVar state_dir $PWD/new" \
	    "PerlSetVar	state_dir	$PWD/new" "  state_dir  $PWD/new  " \
	    "state_dir $PWD/new # a comment" "state_dir $PWD/new"$'\r' \
	    "perlsetvar state_dir $PWD/new"; do
		mkdir new
		cp here/lonc.conf kept
		printf '%s\n' "$form" >>here/lonc.conf
		expect_eq "ok of $form" "$(ask log:x) of $form"
		expect_eq "log of $form" "$(ls new) of $form"
		rm -r new
		mv kept here/lonc.conf
	done
}
