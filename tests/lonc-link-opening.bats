#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154,SC2207
# From down to up: finding and calling a peer, its opening with peers that are
# wrong, late or silent, and the pauses between attempts.
#
# Not tested:
# - a name service that is away: only one that does not answer, by way of
#   /etc/hosts, and that only where a mount namespace may be made;
# - a peer with several IPv4 addresses, and IPv6 but for a refusal;
# - TCP connections that break otherwise than by a close;
# - the default times, which are minutes.

load link

# down TEXT: whether an attempt has failed so, and another one is to come
down() {
	grep -qE -- "^lonc-link: there: $1; next attempt in [0-9]+\.[0-9] s$" \
	    "$log"
}

# wrong STEP REASON ANSWER...: each of them ends the opening at this step
wrong() {
	local answer step=$1 reason=$2

	shift 2
	for answer; do
		start_server peer --answer "$step=$answer"
		[ -e here ] || host_here 1
		set_conf here londPort "$(cat peer.port)"
		: >"$log"
		start_link here there
		wait_for 10 down \
		    "opening -> down: $step: answered \"$answer\": $reason"
		run -111 ask echo:a
		expect_eq con_lost "$output"
		run ! logged 'opening -> up'
		stop link-here-there
		stop peer || :
	done
}

# taken STEP WARNING ANSWER...: each is only logged
taken() {
	local answer step=$1 warning=$2

	shift 2
	for answer; do
		start_server peer --answer "$step=$answer"
		[ -e here ] || host_here 1
		set_conf here londPort "$(cat peer.port)"
		: >"$log"
		start_link here there
		wait_for 10 logged 'opening -> up'
		expect_eq "lonc-link: there: $step: answered \"$answer\": \
$warning" "$(head -n 1 "$log")"
		run -0 ask echo:a encrypt:sealed:b
		expect_eq "$(lines a yes:sealed:b)" "$output"
		stop link-here-there
		stop peer || :
	done
}

# ---- answers of the opening ----

@test "an opening has six steps, in their order" {
	start_up --answer init='any:line & %20' --version lonc-9
	ask echo:a
	expect_eq "$(lines init 'any:line & %20' sethost:there \
	    "version:lonc-$(lonc-link -V | cut -d' ' -f 2)" pong ekey echo:a |
	    sed 's/^/P /')" "$(cat peer.requests)"
	expect_eq 1 "$(wc -l <"$log")"
}

@test "a host that is not known there is refused at init" {
	wrong init "this host is not known there" refused
}

@test "init needs a challenge" {
	wrong init "no challenge" "" "error: busy"
}

# bats test_tags=slow
@test "echo must be answered ok" {
	wrong echo "the challenge was not taken" refused "" OK "ok " okay
}

@test "sethost with not_ok is the wrong machine" {
	wrong sethost "that id is not served there" not_ok
}

# bats test_tags=slow
@test "sethost with another answer is only a warning" {
	taken sethost "the peer may be too old for it" unknown_cmd "" okay
}

# bats test_tags=slow
@test "version with an unknown answer is only a warning" {
	taken version "the peer may be too old for it" unknown_cmd "" version
	logged "opening -> up: version unknown, legacy, one request at a time"
}

# bats test_tags=slow
@test "pong with another id is only a warning" {
	taken pong "not the id of this peer" other:con_lost "" there therex:y
}

# bats test_tags=slow
@test "ekey needs a build key" {
	wrong ekey "no build key" "" refused unknown_cmd "error: x"
}

@test "a server from before 2003 serves as well" {
	start_up --old
	run -0 ask echo:a encrypt:sealed:b eecho:c
	expect_eq "$(lines a yes:sealed:b c)" "$output"
	logged 'sethost: answered "unknown_cmd": the peer may be too old'
	logged 'version: answered "unknown_cmd": the peer may be too old'
	logged 'up: version unknown, legacy, one request at a time'
}

@test "what a peer says is shown without its control characters" {
	start_peer --answer init=$'error: \e[2J\xff' --faults-once \
	    --version $'v\a\tw'
	start_link here there
	wait_for 10 logged 'opening -> up'
	logged 'init: answered "error: \x1b[2J\xff": no challenge'
	logged 'up: version v\x07\x09w, legacy'
}

@test "a line that is too long is no answer" {
	start_peer --answer init="$(printf %03000d 0)"
	set_conf here max_reply 1024
	start_link here there
	wait_for 10 down 'opening -> down: a line too long'
}

@test "an answer that comes before its question ends the opening" {
	start_peer --answer init=$'1\nok' --answer echo=ok --delay ekey=500
	start_link here there
	wait_for 10 down 'opening -> down: a reply that nobody asked for'
	run -111 ask echo:a
	expect_eq con_lost "$output"
	run ! logged 'opening -> up'
}

@test "what comes before its request is nobody's reply" {
	# The link is up before the last of these bytes has come.
	start_peer --answer ekey="$(printf '%032d\n%0999d' 0 0)" --bytewise \
	    --version lonc-9 --faults-once
	start_link here there
	wait_for 10 logged 'opening -> up'
	run ask echo:a
	[ "$output" = con_lost ] || expect_eq a "$output"
	logged 'up -> down: a reply that nobody asked for'
	wait_for 10 logged 'opening -> up' 2
	run -0 ask echo:b
	expect_eq b "$output"
}

# ---- time ----

# bats test_tags=slow
@test "each step has init_timeout for itself" {
	local delays=() step

	for step in init echo sethost version pong ekey; do
		delays+=(--delay "$step=150")
	done
	start_peer "${delays[@]}"
	set_conf here init_timeout 0.5
	start_link here there
	wait_for 10 logged 'opening -> up'
	expect_eq 1 "$(wc -l <"$log")"
}

# bats test_tags=slow
@test "a step that is not answered in time ends the opening" {
	local step

	for step in init echo sethost version pong ekey; do
		start_server peer --silent "$step" --faults-once
		[ -e here ] || host_here 1
		set_conf here londPort "$(cat peer.port)"
		set_conf here init_timeout 0.1
		: >"$log"
		start_link here there
		wait_for 10 down "opening -> down: $step: no answer in time"
		wait_for 10 logged 'opening -> up'
		run -0 ask echo:a
		expect_eq a "$output"
		stop link-here-there
		stop peer || :
	done
}

# ended_at FAULT: at each step, with a line that names it
ended_at() {
	local step

	for step in init echo sethost version pong ekey; do
		start_server peer "$1" "$step" --faults-once
		[ -e here ] || host_here 1
		set_conf here londPort "$(cat peer.port)"
		: >"$log"
		start_link here there
		wait_for 10 logged 'opening -> up'
		down "opening -> down: $step: the peer has closed the \
connection"
		run -0 ask echo:a encrypt:sealed:b
		expect_eq "$(lines a yes:sealed:b)" "$output"
		stop link-here-there
		stop peer || :
	done
}

@test "a peer that closes at a step is called again" {
	ended_at --close
}

@test "half a line and a close is no answer" {
	ended_at --lf-less-close
}

@test "an opening and replies may come byte by byte" {
	start_up --bytewise --version lonc-9
	run -0 ask echo:a eecho:b echo:c
	expect_eq "$(lines a b c)" "$output"
}

# cut_everywhere BYTES [OPTION...]: the connection is cut after each number of
# bytes, which are those of the opening and of a batch; a client sees the right
# reply or con_lost, and nothing else
cut_everywhere() {
	local bytes=$1 end=$(($(now) + 30000)) fds i=0 n name=(a b c d) reply

	shift
	start_server peer --answer init=123456789 "$@"
	start proxy "$root/tests/cut-proxy.pl" "$(cat peer.port)" proxy.port \
	    "$bytes"
	wait_until_ready proxy test -s proxy.port
	host_here "$(cat proxy.port)"
	set_conf here retry_max 0.01
	set_conf here retry_min 0.01
	start_link here there
	until [ -s proxy.out ]; do
		[ "$(now)" -lt "$end" ]
		i=$((i + 1))
		mapfile -t reply < <(ask "echo:$i.a" "eecho:$i.b" \
		    "encrypt:echo:$i.c" "encrypt:eecho:$i.d")
		expect_eq 4 ${#reply[@]}
		for n in 0 1 2 3; do
			[ "${reply[n]}" = con_lost ] ||
				expect_eq "$i.${name[n]}" "${reply[n]}"
		done
	done
	expect_eq $((bytes + 1)) "$(grep -c -- '-> down' "$log")"
	wait_for 10 answers here there
	# Nothing of all these connections is left.
	fds=("/proc/$(pid_of link-here-there)/fd"/*)
	[ ${#fds[@]} -lt 20 ]
}

# bats test_tags=slow
@test "a connection to an old peer may be cut after any byte" {
	cut_everywhere 165
}

# bats test_tags=slow
@test "a connection to a lonc peer may be cut after any byte" {
	cut_everywhere 155 --version lonc-9
}

# ---- connecting ----

@test "a peer that does not listen is named, with address and port" {
	host_here "$(free_port)"
	start_link here there
	wait_for 10 down "connecting -> down: connect 127.0.0.1 port $PORT: \
Connection refused"
}

@test "a peer that drops what is sent is given up after connect_timeout" {
	local since

	start full perl -MIO::Socket::INET -e '
		$l = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
		    Listen => 1) or die;
		do {	# until one finds no place in the queue
			push @c, IO::Socket::INET->new(Proto => "tcp",
			    Blocking => 0);
			connect $c[-1], $l->sockname;
			vec($w = "", fileno $c[-1], 1) = 1;
		} while select undef, $w, undef, 0.1;
		$| = 1;
		print $l->sockport, "\n";
		sleep 60;'
	wait_for 10 test -s full.out
	host_here "$(cat full.out)"
	set_conf here connect_timeout 0.2
	since=$(now)
	start_link here there
	run -111 ask echo:a
	expect_eq con_lost "$output"
	wait_for 10 down "connecting -> down: connect 127.0.0.1 port $PORT: \
Connection timed out"
	expect_within 2000 "$since"
}

@test "a source_address that is not of this host is named" {
	host_here 5663
	set_conf here source_address 192.0.2.1
	start_link here there
	wait_for 10 down "connecting -> down: connect 127.0.0.1 port 5663: \
Cannot assign requested address"
}

@test "a peer is called from source_address" {
	host_here 1
	start listener perl -MIO::Socket::INET -e '
		$l = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
		    Listen => 1) or die;
		$| = 1;
		print $l->sockport, "\n";
		print $l->accept->peerhost, "\n";'
	wait_for 10 test -s listener.out
	set_conf here londPort "$(cat listener.out)"
	start_link here there
	expect_end 0 listener
	expect_eq 127.0.0.2 "$(tail -n 1 listener.out)"
}

# ---- names ----

@test "a peer without an address is found by its name" {
	start_peer
	sed -i '/^there:/s/:127.0.0.1$//' hosts.tab
	start_link here there
	wait_for 10 logged 'opening -> up'
	run -0 ask ping
	expect_eq there "$output"
}

@test "a name that does not exist is named" {
	local label

	label=$(printf %064d 0 | tr 0 a)	# too long for a label
	start_peer
	sed -i "/^there:/s/[^:]*:127[^:]*$/$label:https/" hosts.tab
	start_link here there
	wait_for 10 down "resolving -> down: resolve $label: .+"
	run -111 ask echo:a
	expect_eq con_lost "$output"
}

# link_with_hosts: a link for which hosts.test is /etc/hosts, and which can ask
# no other machine
link_with_hosts() {
	unshare -m true 2>/dev/null || skip "needs a mount namespace"
	sed -i "/^there:/s/[^:]*:127[^:]*$/there.test:/" hosts.tab
	echo "nameserver 127.0.0.1" >resolv.test
	start link-here-there unshare -m sh -c '
		mount --bind hosts.test /etc/hosts &&
		mount --bind resolv.test /etc/resolv.conf &&
		exec lonc-link -C here there'
	wait_until_ready link-here-there test -S "$sock"
}

@test "a name is looked up for each attempt anew" {
	start_peer
	echo "127.0.0.99 there.test" >hosts.test
	link_with_hosts
	wait_for 10 down "connecting -> down: connect 127.0.0.99 .*refused"
	echo "127.0.0.1 there.test" >hosts.test
	wait_for 10 logged 'opening -> up'
}

@test "the next address of a name is tried where one fails" {
	start_peer
	lines "::1 there.test" "127.0.0.1 there.test" >hosts.test
	link_with_hosts
	wait_for 10 logged 'opening -> up'
	grep -qx "lonc-link: there: connect ::1 port $PORT: .*; trying its \
next address" "$log"
	run ! logged '-> down'
}

# children_of_link N: whether it has so many
children_of_link() {
	[ "$(pgrep -c -P "$(pid_of link-here-there)")" = "$1" ]
}

@test "a look-up that takes long holds up no client" {
	start_peer
	set_conf here init_timeout 0.3
	mkfifo hosts.test
	link_with_hosts
	run -111 ask echo:a echo:b
	expect_eq "$(lines con_lost con_lost)" "$output"
	wait_for 10 down \
	    "resolving -> down: resolve there.test: no answer in time"
	wait_for 10 logged 'no answer in time' 2
	[ "$(pgrep -c -P "$(pid_of link-here-there)")" -le 1 ]
}

@test "a look-up leaves no process behind when the link is killed" {
	local child

	start_peer
	mkfifo hosts.test
	link_with_hosts
	wait_for 10 children_of_link 1
	child=$(pgrep -P "$(pid_of link-here-there)")
	# It keeps nothing of the link: its lock least of all.
	run ! grep -q lock < <(ls -l "/proc/$child/fd")
	stop link-here-there KILL || :
	wait_for 10 eval "! kill -0 $child 2>/dev/null"
}

# ---- pauses ----

# pauses: those that were logged, in ms
pauses() {
	sed -n 's/.*next attempt in \([0-9]*\)\.\([0-9]\) s$/\1\200/p' "$log"
}

# expect_pauses MS...: there were as many, each from half of that to all of it
expect_pauses() {
	local all i=0 ms

	all=($(pauses))
	expect_eq $# ${#all[@]}
	for ms; do
		if ((all[i] < ms / 2 || all[i] > ms)); then
			echo "pause $((i + 1)) of ${all[*]} is not from" \
			    "$((ms / 2)) to $ms ms" >&2
			return 1
		fi
		i=$((i + 1))
	done
}

# fail_times N: that many attempts in all, each brought about by HUP
fail_times() {
	local i

	host_here "$(free_port)"
	set_conf here retry_max 60
	set_conf here retry_min 10
	start_link here there
	for ((i = 1; i < $1; i++)); do
		wait_for 10 logged '-> down' "$i"
		signal HUP
	done
	wait_for 10 logged '-> down' "$1"
}

# then_up [OPTION...]: at last it finds a server
then_up() {
	start_server peer "$@"
	set_conf here londPort "$(cat peer.port)"
	signal HUP
	wait_for 10 logged 'opening -> up'
}

@test "pauses double from retry_min to retry_max, less a random part" {
	fail_times 6
	expect_pauses 10000 20000 40000 60000 60000 60000
}

@test "pauses begin anew after a connection that was of use" {
	fail_times 3
	then_up
	run -0 ask echo:a
	stop peer || :
	wait_for 10 logged 'up -> down'
	expect_pauses 10000 20000 40000 10000
}

@test "a ping of the link's own shows that a connection is of use" {
	fail_times 3
	set_conf here idle_ping 0.1
	then_up
	wait_for 10 eval '[ "$(grep -c "^P ping" peer.requests)" -ge 2 ]'
	stop peer || :
	wait_for 10 logged 'up -> down'
	expect_pauses 10000 20000 40000 10000
}

@test "pauses go on growing after a connection that was of no use" {
	fail_times 3
	then_up --close-after 1
	run -111 ask echo:a
	wait_for 10 logged 'up -> down'
	expect_pauses 10000 20000 40000 60000
}

# wakes_once COMMAND...: ends a pause, and does not end the next
wakes_once() {
	fail_times 1
	"$@"
	wait_for 10 logged '-> down' 2
	"$@"
	"$@"
	run -111 ask echo:a
	run ! logged '-> down' 3
}

@test "lonc:wake ends a pause, but not twice within retry_min" {
	wakes_once ask lonc:wake
}

@test "USR1 ends a pause, but not twice within retry_min" {
	wakes_once signal USR1
}

# woken: after one more lonc:wake, whether there have been three attempts
woken() {
	ask lonc:wake
	logged '-> down' 3
}

@test "lonc:wake ends another pause when retry_min is over" {
	fail_times 1
	set_conf here retry_min 0.2
	signal HUP
	wait_for 10 logged '-> down' 2
	wait_for 10 woken
	expect_pauses 10000 20000 40000
}

@test "lonc:wake does nothing to a link that is up" {
	start_up
	run -0 ask lonc:wake echo:a lonc:wake
	expect_eq "$(lines ok a ok)" "$output"
	expect_eq 1 "$(wc -l <"$log")"
}
