#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154
# lonc-send: what is asked, what is printed, and the exit status.
#
# Not tested:
# - replies near the limit of 1 GiB, and memory that runs out;
# - that several requests which a link left unread are not asked again: only
#   that none is asked twice;
# - standard input or output that do not wait (O_NONBLOCK).

load link

bats_require_minimum_version 1.5.0

too_long='error: line too long'

# expect_same FILE FILE: fail, and show the first difference, if they differ
expect_same() {
	cmp "$1" "$2" || {
		echo "$(wc -l <"$1") lines wanted, got $(wc -l <"$2")" >&2
		return 1
	}
}

# expect_message TEXT: on standard error, one line, in the form of all others
expect_message() {
	expect_eq "lonc-send: $1" "$stderr"
}

# input [OPTION...]: requests from standard input, for 20 s at most
# shellcheck disable=SC2120
input() {
	timeout 20 lonc-send -C here -t 10 "$@" there
}

# open_input: a lonc-send in the background that reads what is written to
# descriptor 6, which nothing else may inherit
open_input() {
	mkfifo in
	start send sh -c 'exec lonc-send -C here -t 20 there <in'
	exec 6>in
}

# printed LINES: whether the lonc-send in the background has printed so many
printed() {
	[ "$(wc -l <send.out)" -ge "$1" ]
}

# asks NAME: whether a lonc-send has got through to a link, and waits
asks() {
	[[ $(readlink "/proc/$(pid_of "$1")"/fd/*) == *socket:* ]] &&
	    grep -q '^State:.S' "/proc/$(pid_of "$1")/status"
}

# times REQUEST: how often the peer got it
times() {
	grep -caxF -- "$1" peer.requests || :
}

# unable COMMAND...: without the powers of root
unable() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --bounding-set=-all --inh-caps=-all "$@"
	else
		"$@"
	fi
}

# is_up_again: after a restart of the link
is_up_again() {
	logged 'opening -> up' 2
}

# ---- requests ----

@test "each argument is a request, and each reply a line" {
	start_up
	run -0 ask ping 'echo:a  b:c' echo: 'echo:%\n' ping
	expect_eq "$(lines there 'a  b:c' '' '%\n' there)" "$output"
}

@test "replies come in the order of the requests" {
	start_up --version lonc-9
	run -0 ask slow:300:a echo:b slow:100:c echo:d
	expect_eq "$(lines a b c d)" "$output"
}

@test "each line of standard input is a request" {
	start_up
	run -0 input <<-END
		echo:a
		echo: b
		ping
	END
	expect_eq "$(lines a ' b' there)" "$output"
}

@test "a last line of input without its end is a request" {
	start_up
	printf 'echo:a\necho:b' >in
	run -0 input <in
	expect_eq "$(lines a b)" "$output"
	printf 'echo:c' >in
	run -0 input <in
	expect_eq c "$output"
}

@test "empty input asks nothing, and is no failure" {
	start_up
	run -0 --separate-stderr input </dev/null
	expect_eq '' "$output$stderr"
	run -0 --separate-stderr lonc-send -C here nobody </dev/null
	expect_eq '' "$output$stderr"
}

@test "an empty line is a request, and unknown_cmd" {
	start_up
	printf '\necho:a\n\n\n' >in
	run -1 input <in
	expect_eq "$(lines unknown_cmd a unknown_cmd unknown_cmd)" "$output"
	run -1 ask echo:b '' echo:c
	expect_eq "$(lines b unknown_cmd c)" "$output"
}

@test "input and replies may hold any byte but LF" {
	start_up
	perl -e 'print "echo:", map({ chr } grep { $_ != 10 } 0 .. 255), "\n",
	    "echo:\0\n", "echo:\xff\r\n", "echo:\0\0"' >in
	perl -pe 's/^echo://; s/$/\n/ if eof' in >want
	# shellcheck disable=SC2119
	input <in >got
	expect_same want got
}

@test "an argument that begins with - after PEER is a request" {
	start_up
	run -1 ask -e echo:a -- -V
	expect_eq "$(lines unknown_cmd a unknown_cmd unknown_cmd)" "$output"
	got peer 'P -e'
	got peer 'P --'
	run -0 lonc-send -C here -- there echo:b
	expect_eq b "$output"
}

@test "standard input is left alone where there are arguments" {
	start_up
	printf 'echo:in\n' >in
	run -0 sh -c '{ lonc-send -C here -t 10 there echo:a; cat; } <in'
	expect_eq "$(lines a echo:in)" "$output"
}

@test "-e seals each request" {
	start_up
	run -0 ask sealed:a
	expect_eq no "$output"
	run -0 lonc-send -C here -t 10 -e there sealed:a sealed:b
	expect_eq "$(lines yes:sealed:a yes:sealed:b)" "$output"
	got peer 'S sealed:b'
	printf 'sealed:c\nsealed:d' >in
	run -0 input -e <in
	expect_eq "$(lines yes:sealed:c yes:sealed:d)" "$output"
}

# ---- many lines ----

# many N WIDTH: requests in the file in, replies in want
many() {
	seq -f "%0$2.0f" "$1" >want
	sed 's/^/echo:/' want >in
}

@test "10000 lines of input get their replies in order" {
	many 10000 5
	start_up --version lonc-9
	# shellcheck disable=SC2119
	input <in >got
	expect_same want got
}

@test "10000 lines of input get their replies in order from an old peer" {
	many 10000 5
	start_up
	# shellcheck disable=SC2119
	input <in >got
	expect_same want got
}

@test "2000 lines of 4 KiB get their replies in order" {
	many 2000 4096
	start_up --version lonc-9
	# shellcheck disable=SC2119
	input <in >got
	expect_same want got
}

@test "requests are sent ahead of the replies of a slow peer" {
	seq -f 'slow:10:%g' 60 >in
	seq 60 >want
	start_up --version lonc-9 --max-unanswered most
	# shellcheck disable=SC2119
	input <in >got
	expect_same want got
	[ "$(cat most)" -gt 30 ]
}

@test "replies that come byte by byte are put together" {
	start_up --bytewise
	run -0 ask echo:one echo:two
	expect_eq "$(lines one two)" "$output"
}

# Input ends while much of what was read could not be sent yet.
@test "wherever a long input ends, each line has one reply" {
	local n

	start_up
	for n in 270 280 290 300 310 320 330; do
		many "$n" 995
		# shellcheck disable=SC2119
		input <in >got
		expect_same want got
	done
}

@test "a reply of 1 MiB is printed whole" {
	start_up
	ask dump:1048576 echo:b >got
	perl -e 'print "x" x 1048576, "\nb\n"' >want
	expect_same want got
}

# ---- by hand ----

@test "a reply is printed before the next line is typed" {
	local i

	start_up
	open_input
	for i in 1 2 3; do
		echo "echo:$i" >&6
		wait_for 10 printed "$i"
	done
	exec 6>&-
	expect_end 0 send
	expect_eq "$(lines 1 2 3)" "$(cat send.out)"
}

@test "half a line is no request until its end has come" {
	start_up
	open_input
	printf 'echo:a\necho:' >&6
	wait_for 10 printed 1
	printf 'b\n' >&6
	wait_for 10 printed 2
	exec 6>&-
	expect_end 0 send
	expect_eq "$(lines a b)" "$(cat send.out)"
	expect_eq 1 "$(times 'P echo:b')"
}

# ---- requests that are none ----

# long N: a request of N bytes
long() {
	printf 'echo:%0*d' "$(($1 - 5))" 0
}

# start_short: all of it, with the least max_line there is
start_short() {
	start_peer
	set_conf here max_line 1024
	start_link here there
	wait_for 10 logged 'opening -> up'
}

@test "a request may have max_line bytes" {
	start_short
	run -0 ask "$(long 1024)" echo:b
	expect_eq "$(printf '%01019d' 0)" "${lines[0]}"
	expect_eq b "${lines[1]}"
	long 1024 >in
	run -0 input <in
	expect_eq "$(printf '%01019d' 0)" "$output"
	run -0 lonc-send -C here -t 10 -e there "$(long 1024)"
	expect_eq "$(printf '%01019d' 0)" "$output"
}

@test "a line over max_line is told, and the others are asked" {
	start_short
	lines echo:a "$(long 1025)" echo:b >in
	run -100 --separate-stderr input <in
	expect_eq "$(lines a "$too_long" b)" "$output"
	expect_message "there: line 2 of standard input is longer than\
 max_line, 1024 bytes: it was not sent"
	expect_eq 0 "$(grep -c 0000 peer.requests)"
}

@test "lines over max_line may come first, last, together and alone" {
	start_short
	lines "$(long 5000)" "$(long 2000)" '' "$(long 1025)" echo:a >in
	long 100000 >>in
	run -100 --separate-stderr input <in
	expect_eq "$(lines "$too_long" "$too_long" unknown_cmd "$too_long" a \
	    "$too_long")" "$output"
	expect_eq "$(lines 1 2 4 6)" "$(tr ' ' '\n' <<<"$stderr" |
	    grep '^[0-9]$')"
	long 1025 >in
	run -100 --separate-stderr input <in
	expect_eq "$too_long" "$output"
}

@test "the replies before a line over max_line come first" {
	start_short
	lines slow:300:a echo:b "$(long 1025)" slow:100:c >in
	run -100 --separate-stderr input <in
	expect_eq "$(lines a b "$too_long" c)" "$output"
}

@test "nothing is sent if an argument is over max_line" {
	start_short
	run -100 --separate-stderr ask echo:a "$(long 1025)" echo:b
	expect_eq '' "$output"
	expect_message "there: request 2 is longer than max_line, 1024 bytes:\
 nothing was sent"
	run -0 ask echo:c
	got peer 'P echo:c'
	expect_eq 0 "$(times 'P echo:a')"
}

@test "nothing is sent if an argument has a line end inside" {
	start_up
	run -100 --separate-stderr ask echo:a 'echo:b
exit' echo:c
	expect_eq '' "$output"
	expect_message "there: request 2 has a line end inside:\
 nothing was sent"
	run -100 --separate-stderr ask 'echo:a
'
	expect_eq '' "$output"
	run -0 ask echo:d
	got peer 'P echo:d'
	expect_eq 0 "$(times 'P echo:a')"
	expect_eq 0 "$(times 'P exit')"
}

# ---- options ----

@test "-c and -x are not supported, and say so" {
	local option

	start_up
	for option in -c -x -cx -ec; do
		run -100 --separate-stderr \
		    lonc-send -C here "$option" there echo:a
		expect_eq '' "$output"
		[[ $stderr == "lonc-send: -"[cx]": "*"not supported"* ]]
	done
	run -0 ask echo:b
	expect_eq 0 "$(times 'P echo:a')"
}

@test "-t is a number of seconds" {
	local value

	start_up
	for value in '' 0 0.0004 -1 1s .5 86401; do
		run -100 --separate-stderr \
		    lonc-send -C here -t "$value" there echo:a
		expect_eq '' "$output"
		[[ $stderr == "lonc-send: -t $value: "?* ]]
	done
	for value in 10.5 86400; do
		run -0 lonc-send -C here -t "$value" there echo:b
		expect_eq b "$output"
	done
	expect_eq 0 "$(times 'P echo:a')"
}

@test "-t gives up waiting for a reply" {
	local began

	start_up
	began=$(now)
	run -111 lonc-send -C here -t 0.2 there slow:60000:a
	expect_eq con_lost "$output"
	[ "$(now)" -ge $((began + 200)) ]
	expect_within 5000 "$began"
}

@test "-t counts for each reply anew" {
	start_up
	run -0 lonc-send -C here -t 2 there slow:900:a slow:900:b slow:900:c
	expect_eq "$(lines a b c)" "$output"
}

@test "after -t each request that was asked has its con_lost" {
	start_up --version lonc-9
	run -111 lonc-send -C here -t 0.2 there echo:a slow:60000:b echo:c
	expect_eq "$(lines a con_lost con_lost)" "$output"
}

@test "after -t the lines that follow are asked" {
	start_up --version lonc-9
	mkfifo in
	start send sh -c 'exec lonc-send -C here -t 0.5 there <in'
	exec 6>in
	echo slow:3000:a >&6
	wait_for 10 printed 1
	exec 6>&-
	expect_end 111 send
	expect_eq con_lost "$(cat send.out)"
}

@test "-h shows all options, -V the version" {
	local option

	run -0 --separate-stderr lonc-send -h
	expect_eq '' "$stderr"
	[[ $output == "usage: lonc-send "*PEER* ]]
	for option in C e t h V; do
		[[ $output == *"-$option"* ]]
	done
	run -0 --separate-stderr lonc-send -V
	expect_eq '' "$stderr"
	[[ $output =~ ^lonc-send\ [0-9]+\.[0-9.]+$ ]]
}

@test "misuse is told, with status 100" {
	run -100 --separate-stderr lonc-send
	expect_eq '' "$output"
	[[ $stderr == "usage: lonc-send "* ]]
	run -100 --separate-stderr lonc-send -C here
	[[ $stderr == "usage: lonc-send "* ]]
	run -100 --separate-stderr lonc-send -q there ping
	[[ $stderr == *"usage: lonc-send "* ]]
	run -100 --separate-stderr lonc-send there -t
	[[ $stderr != *"usage"* ]]
	run -100 --separate-stderr lonc-send -t
	[[ $stderr == *"usage: lonc-send "* ]]
}

# ---- hosts without a link ----

@test "a host that is not in the table is no_such_host for each request" {
	start_up
	run -100 lonc-send -C here nobody echo:a echo:b
	expect_eq "$(lines no_such_host no_such_host)" "$output"
	printf 'echo:a\n\necho:b' >in
	run -100 lonc-send -C here nobody <in
	expect_eq "$(lines no_such_host no_such_host no_such_host)" "$output"
}

@test "a name that is no host id is no_such_host for each request" {
	local name

	start_up
	mkdir here/run/sub
	ln -s ../there here/run/sub/there
	for name in '' .. ../run/there ./there sub/there .there.lock \
	    -there $'there\n' delayed "$(printf 'x%.0s' {1..65})"; do
		run -100 --separate-stderr \
		    lonc-send -C here -- "$name" echo:a echo:b
		expect_eq "$(lines no_such_host no_such_host)" "$output"
		[[ $stderr == "lonc-send: "*": not a host id" ]]
	done
	printf 'echo:a\n\necho:b' >in
	run -100 lonc-send -C here ../run/there <in
	expect_eq 3 "$(grep -cx no_such_host <<<"$output")"
	expect_eq 0 "$(times 'P echo:a')"
}

@test "a host that never had a link is con_lost at once" {
	local began

	make_host here 127.0.0.2
	make_host there 127.0.0.3
	began=$(now)
	run -111 lonc-send -C here there ping ping
	expect_eq "$(lines con_lost con_lost)" "$output"
	run -111 lonc-send -C here there <<<ping
	expect_eq con_lost "$output"
	expect_within 3000 "$began"
}

@test "a host with the longest id may have a link" {
	local id

	id=$(printf 'x%.0s' {1..64})
	make_host here 127.0.0.2
	echo "$id:test:library:localhost:127.0.0.1" >>hosts.tab
	run -111 lonc-send -C here "$id" ping
	expect_eq con_lost "$output"
}

@test "without a link the table must be good, with one it is not read" {
	start_up
	mv hosts.tab away
	run -0 ask echo:a
	run -100 --separate-stderr lonc-send -C here nobody echo:a
	[[ $stderr == "lonc-send: here/hosts.tab: No such file"* ]]
}

# ---- links that come and go ----

@test "a link that was restarted is used by the next request" {
	start_up
	run -0 ask echo:a
	stop link-here-there
	start_link here there
	wait_for 10 is_up_again
	run -0 ask echo:b
	expect_eq b "$output"
}

@test "a link that is being restarted is waited for" {
	start_up
	stop link-here-there
	start send lonc-send -C here there lonc:wake
	wait_for 10 looks_for_link send
	expect_eq '' "$(cat send.out)"
	start_link here there
	expect_end 0 send
	expect_eq ok "$(cat send.out)"
}

# looks_for_link NAME: whether a lonc-send has begun to wait for one, between
# two looks: it reads nothing, and has nothing open
looks_for_link() {
	grep -q '^State:.S' "/proc/$(pid_of "$1")/status" &&
	    [[ $(readlink "/proc/$(pid_of "$1")"/fd/*) != *lonc.conf* ]]
}

@test "a request is answered by a link that comes up while it is waited for" {
	start_up
	stop link-here-there
	start send lonc-send -C here there echo:a
	wait_for 10 looks_for_link send
	# It shall find the link up, not about to be.
	kill -s STOP "$(pid_of send)"
	start_link here there
	wait_for 10 is_up_again
	kill -s CONT "$(pid_of send)"
	expect_end 0 send
	expect_eq a "$(cat send.out)"
	expect_eq 1 "$(times 'P echo:a')"
}

@test "a link that was killed and comes back is waited for" {
	start_up
	stop link-here-there KILL || :
	start send lonc-send -C here there lonc:wake
	wait_for 10 looks_for_link send
	start_link here there
	expect_end 0 send
	expect_eq ok "$(cat send.out)"
}

# bats test_tags=slow
@test "a link that does not come back is waited for 5 seconds" {
	local began

	start_up
	stop link-here-there
	began=$(now)
	run -111 lonc-send -C here there ping ping
	expect_eq "$(lines con_lost con_lost)" "$output"
	[ "$(now)" -ge $((began + 5000)) ]
	expect_within 8000 "$began"
}

@test "a link that does not come back is waited for no longer than -t" {
	local began

	start_up
	stop link-here-there
	began=$(now)
	run -111 lonc-send -C here -t 0.3 there ping ping
	expect_eq "$(lines con_lost con_lost)" "$output"
	[ "$(now)" -ge $((began + 300)) ]
	expect_within 3000 "$began"
}

@test "a link that comes back later serves the lines that follow" {
	make_host there 127.0.0.3
	start_peer
	open_input
	echo echo:a >&6
	wait_for 10 printed 1
	start_link here there 6>&-
	wait_for 10 logged 'opening -> up'
	echo echo:b >&6
	wait_for 10 printed 2
	exec 6>&-
	expect_end 111 send
	expect_eq "$(lines con_lost b)" "$(cat send.out)"
}

@test "a request that a killed link had not read is asked again, once" {
	start_up
	kill -s STOP "$(pid_of link-here-there)"
	start send lonc-send -C here there echo:a
	wait_for 10 asks send
	kill -s STOP "$(pid_of send)"
	stop link-here-there KILL || :
	start_link here there
	wait_for 10 is_up_again
	kill -s CONT "$(pid_of send)"
	expect_end 0 send
	expect_eq a "$(cat send.out)"
	expect_eq 1 "$(times 'P echo:a')"
}

@test "so is one that was typed after others" {
	start_up
	open_input
	echo echo:a >&6
	wait_for 10 printed 1
	kill -s STOP "$(pid_of link-here-there)"
	echo echo:b >&6
	wait_for 10 asks send
	kill -s STOP "$(pid_of send)"
	stop link-here-there KILL || :
	start_link here there 6>&-
	wait_for 10 is_up_again
	kill -s CONT "$(pid_of send)"
	exec 6>&-
	expect_end 0 send
	expect_eq "$(lines a b)" "$(cat send.out)"
	expect_eq 1 "$(times 'P echo:a')"
	expect_eq 1 "$(times 'P echo:b')"
}

@test "of several that a killed link had not read none is asked twice" {
	start_up
	kill -s STOP "$(pid_of link-here-there)"
	start send lonc-send -C here -t 20 there echo:a echo:b echo:c
	wait_for 10 asks send
	kill -s STOP "$(pid_of send)"
	stop link-here-there KILL || :
	start_link here there
	wait_for 10 is_up_again
	kill -s CONT "$(pid_of send)"
	wait_for 15 has_ended send
	expect_eq 3 "$(wc -l <send.out)"
	[ "$(times 'P echo:a')" -le 1 ]
	[ "$(times 'P echo:b')" -le 1 ]
	[ "$(times 'P echo:c')" -le 1 ]
}

@test "a request that has reached the peer is not asked again" {
	start_up
	start send lonc-send -C here there slow:60000:a
	wait_for 10 got peer 'P slow:60000:a'
	stop link-here-there KILL || :
	expect_end 111 send
	expect_eq con_lost "$(cat send.out)"
	start_link here there
	wait_for 10 is_up_again
	run -0 ask echo:b
	expect_eq 1 "$(times 'P slow:60000:a')"
}

@test "in a batch each request has one reply, whatever becomes of the link" {
	start_up
	open_input
	seq -f 'echo:%g' 50 >&6
	wait_for 10 printed 50
	echo slow:60000:51 >&6
	seq -f 'echo:%g' 52 100 >&6
	wait_for 10 got peer 'P slow:60000:51'
	stop link-here-there KILL || :
	wait_for 10 printed 100
	start_link here there 6>&-
	wait_for 10 is_up_again
	seq -f 'echo:%g' 101 150 >&6
	exec 6>&-
	expect_end 111 send
	{
		seq 50
		yes con_lost | head -n 50
		seq 101 150
	} >want
	expect_same want send.out
	expect_eq 1 "$(times 'P slow:60000:51')"
	expect_eq 1 "$(times 'P echo:50')"
	[ "$(times 'P echo:52')" -le 1 ]
}

@test "no reply of a long batch is lost or out of place when a link dies" {
	local i

	start_up --version lonc-9
	seq -f 'echo:%g' 100000 >in
	seq 100000 >want
	start send sh -c 'exec lonc-send -C here -t 20 there <in'
	for i in 1000 2000; do
		wait_for 10 printed "$i"
		stop link-here-there KILL || :
		start_link here there
	done
	wait_for 20 has_ended send
	expect_eq 100000 "$(wc -l <send.out)"
	expect_eq 0 "$(paste -d' ' want send.out |
	    awk '$2 != $1 && $2 != "con_lost"' | wc -l)"
	expect_eq '' "$(grep -a '^P echo:' peer.requests | sort | uniq -d)"
}

@test "a link told to end finishes what it has been asked" {
	start_up
	start send lonc-send -C here there slow:500:a
	wait_for 10 got peer 'P slow:500:a'
	stop link-here-there
	expect_end 0 send
	expect_eq a "$(cat send.out)"
}

@test "all that a link told to end has still been answered is printed" {
	start_up --version lonc-9
	many 10000 1000
	start send sh -c 'exec lonc-send -C here -t 2 there <in'
	wait_for 10 printed 1000
	stop link-here-there
	wait_for 20 has_ended send
	expect_eq 10000 "$(wc -l <send.out)"
	expect_eq "$(grep -c '^P echo:' peer.requests)" \
	    "$(grep -vcx con_lost send.out)"
}

# ---- exit status ----

# expect_status STATUS REPLY...: of requests that get these replies
expect_status() {
	local status=$1

	shift
	run "-$status" ask "${@/#/echo:}"
	expect_eq "$(lines "$@")" "$output"
}

@test "the exit status is that of the reply" {
	local word

	start_up
	for word in ok '' found con_delayed 'refused '; do
		expect_status 0 "$word"
	done
	for word in refused rejected unknown_cmd not_ok error 'error: x'; do
		expect_status 1 "$word"
	done
	for word in con_lost con_failed; do
		expect_status 111 "$word"
	done
	expect_status 100 no_such_host
}

@test "the exit status of several is the worst: 100, 111, 1, 0" {
	start_up
	expect_status 0 ok ok
	expect_status 1 ok refused ok
	expect_status 111 refused con_lost refused
	expect_status 111 con_lost refused ok
	expect_status 100 no_such_host con_lost refused
	printf 'echo:ok\necho:con_lost\necho:refused\n' >in
	run -111 input <in
}

# ---- what is wrong here ----

@test "a socket that is not for this user is told, with status 100" {
	start_up
	chmod 0 here/run/there
	run -100 --separate-stderr unable lonc-send -C here there echo:a
	expect_eq '' "$output"
	[[ $stderr == "lonc-send: there: "?*": Permission denied" ]]
	chmod 660 here/run/there
	chmod 0 here/run
	run -100 --separate-stderr unable lonc-send -C here there echo:a
	chmod 2750 here/run
	expect_eq '' "$output"
	[[ $stderr == "lonc-send: there: "?*": Permission denied" ]]
	run -0 unable lonc-send -C here there echo:b
	expect_eq 0 "$(times 'P echo:a')"
}

@test "a socket path that is too long is told, with status 100" {
	start_up
	set_conf here lonSockDir "/$(printf 'd%.0s' {1..110})"
	run -100 --separate-stderr lonc-send -C here there echo:a
	[[ $stderr == "lonc-send: there: "?*": File"*" too long" ]]
}

@test "standard input that cannot be read is told, with status 111" {
	start_up
	run -111 --separate-stderr lonc-send -C here there </
	expect_message "there: standard input: Is a directory"
}

@test "a lonc.conf that is missing is told, with status 100" {
	run -100 --separate-stderr lonc-send -C none there ping
	expect_eq '' "$output"
	expect_message "none/lonc.conf: No such file or directory"
}

@test "what is wrong in lonc.conf is told with its line, and status 100" {
	start_up
	set_conf here max_line many
	run -100 --separate-stderr ask echo:a
	expect_eq '' "$output"
	[[ $stderr == "lonc-send: here/lonc.conf:"[0-9]*": "*many* ]]
	[[ $stderr == *":$(wc -l <here/lonc.conf): "* ]]
	expect_eq 0 "$(times 'P echo:a')"
}

@test "a name in lonc.conf that is unknown stops nobody" {
	start_up
	set_conf here max_lines 1
	run -0 --separate-stderr ask echo:a
	expect_eq a "$output"
}

@test "-C comes before LONC_CONF, and that before /etc/lonc" {
	start_up
	mkdir other
	LONC_CONF=here run -0 lonc-send there echo:a
	expect_eq a "$output"
	LONC_CONF=other run -0 lonc-send -C here there echo:a
	expect_eq a "$output"
	LONC_CONF=other run -100 --separate-stderr lonc-send there echo:b
	expect_message "other/lonc.conf: No such file or directory"
	LONC_CONF=here run -100 --separate-stderr \
	    lonc-send -C other there echo:b
	expect_message "other/lonc.conf: No such file or directory"
	expect_eq 0 "$(times 'P echo:b')"
	[ ! -e /etc/lonc/lonc.conf ] || skip "this machine has /etc/lonc"
	LONC_CONF='' run -100 --separate-stderr lonc-send there echo:b
	expect_message "/etc/lonc/lonc.conf: No such file or directory"
	run -100 --separate-stderr lonc-send there echo:b
	expect_message "/etc/lonc/lonc.conf: No such file or directory"
}

# ---- standard descriptors ----

# skip_under_valgrind: it puts its log in the place of what is closed
skip_under_valgrind() {
	[ -z "${LONC_VALGRIND-}" ] || skip "not under valgrind"
}

@test "standard output that is full is told, with status 111" {
	start_up
	run -111 --separate-stderr \
	    sh -c 'timeout 20 lonc-send -C here there echo:a >/dev/full'
	expect_message "standard output: No space left on device"
	many 1000 5
	run -111 --separate-stderr \
	    sh -c 'timeout 20 lonc-send -C here there <in >/dev/full'
	expect_message "standard output: No space left on device"
}

@test "standard output that nobody reads is told, with status 111" {
	start_up
	many 10000 100
	run -111 --separate-stderr bash -c 'set -o pipefail; trap "" PIPE
	    timeout 20 lonc-send -C here there <in | head -n 1'
	expect_message "standard output: Broken pipe"
}

@test "standard output that is closed is told, with status 111" {
	skip_under_valgrind
	start_up
	run -111 --separate-stderr \
	    sh -c 'timeout 20 lonc-send -C here -t 10 there echo:a >&-'
	expect_message "standard output: Bad file descriptor"
}

@test "replies never become requests where standard output is closed" {
	skip_under_valgrind
	start_up
	run sh -c 'timeout 20 lonc-send -C here -t 10 there echo:a >&-'
	run sh -c 'timeout 20 lonc-send -C here -t 10 there echo:b >&- 2>&-'
	run sh -c 'timeout 20 lonc-send -C here -t 10 there echo:c <&- >&-'
	run -0 ask echo:end
	expect_eq 0 "$(times 'P a')"
	expect_eq 0 "$(times 'P b')"
	expect_eq 0 "$(times 'P c')"
}

@test "messages never become requests where standard error is closed" {
	skip_under_valgrind
	start_short
	lines echo:a "$(long 1025)" echo:b >in
	run -100 sh -c 'timeout 20 lonc-send -C here -t 10 there <in 2>&-'
	expect_eq "$(lines a "$too_long" b)" "$output"
	run -0 ask echo:end
	expect_eq 0 "$(grep -c lonc-send peer.requests)"
}

@test "standard input that is closed matters only where it is to be read" {
	start_up
	run -0 sh -c 'lonc-send -C here there echo:a <&-'
	expect_eq a "$output"
	run --separate-stderr sh -c 'timeout 20 lonc-send -C here there <&-'
	[ "$status" -ne 0 ]
	expect_eq '' "$output"
	[[ $stderr == "lonc-send: "?* ]]
}

# ---- how it is built ----

@test "lonc-send is linked statically, and without OpenSSL" {
	local program=$LONC_BUILD/bin/lonc-send

	! grep -q -e __asan_init -e __ubsan_ "$program" ||
		skip "built with sanitizers"
	[ -z "${LONC_VALGRIND-}" ] || skip "built for valgrind"
	run ldd "$program"
	[[ $output == *"not a dynamic executable"* ||
	    $output == *"statically linked"* ]]
	expect_eq 0 "$(grep -c OpenSSL "$program")"
}
