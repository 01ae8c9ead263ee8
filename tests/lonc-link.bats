#!/usr/bin/env bats
# shellcheck disable=SC1003,SC2016,SC2030,SC2031,SC2154
# A link that is up: its clients, its signals, its end.
#
# Not tested:
# - the limit of 5 s when a link is told to end, but that a second signal
#   cuts it short;
# - TCP_USER_TIMEOUT: loopback acknowledges everything;
# - a request that cannot be sent, and others cut off, for want of memory;
# - the randomness of pauses; the bounds are in lonc-link-opening.bats;
# - a link under systemd(1) itself: only what it is told;
# - further connections to a busy peer, and their end when they are idle.

load link

bats_require_minimum_version 1.5.0

# ---- requests and replies ----

@test "a peer that shows itself as lonc gets requests ahead of its replies" {
	start_up --version lonc-9 --max-unanswered most
	run -0 ask slow:300:a echo:b echo:c echo:d echo:e
	expect_eq "$(lines a b c d e)" "$output"
	expect_eq 5 "$(cat most)"
	logged "version lonc-9, legacy, pipelined"
}

@test "an old peer gets one request at a time" {
	start_up --max-unanswered most
	run -0 ask slow:50:a echo:b echo:c echo:d echo:e
	expect_eq "$(lines a b c d e)" "$output"
	expect_eq 1 "$(cat most)"
	logged 'version $Revision: 1.121 $, legacy, one request at a time'
}

@test "no more than max_outstanding requests are ahead of their replies" {
	start_peer --version lonc-9 --max-unanswered most
	set_conf here max_outstanding 3
	start_link here there
	wait_for 10 logged 'opening -> up'
	run -0 ask slow:100:a slow:100:b echo:c echo:d echo:e echo:f
	expect_eq "$(lines a b c d e f)" "$output"
	expect_eq 3 "$(cat most)"
}

# fifty_clients: at the same time, twenty requests each
fifty_clients() {
	local i pids=()

	for i in {1..50}; do
		seq -f "$i.%g" 20 >"want.$i"
		sed 's/^/echo:/' "want.$i" |
			lonc-send -C here -t 20 there >"got.$i" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in {1..50}; do
		expect_eq "$(cat "want.$i")" "$(cat "got.$i")"
	done
}

# bats test_tags=slow
@test "each of fifty clients gets its replies in its order" {
	start_up --version lonc-9
	fifty_clients
}

# bats test_tags=slow
@test "each of fifty clients of an old peer gets its replies in its order" {
	start_up
	fifty_clients
}

# bats test_tags=slow
@test "requests wait while the peer does not read them" {
	local i text

	text=$(printf %01000d 0)
	start_up --version lonc-9
	kill -s STOP "$(pid_of peer)"
	for i in {1..3000}; do
		echo "echo:$i.$text"
	done >request
	client one 'file request' 'get 3000'
	wait_for 10 client_count 1
	kill -s CONT "$(pid_of peer)"
	expect_end 0 one
	sed 's/^echo://' request | cmp - one.out
}

@test "an empty reply is a reply" {
	start_up --version lonc-9
	run -0 ask echo:a empty: echo: echo:b
	expect_eq "$(lines a '' '' b)" "$output"
}

@test "any byte but LF goes both ways unchanged" {
	local bytes='a\0b\x01\r\x7f\x80\xff %:&\\'

	start_up
	printf '%b\n' "$bytes" "$bytes" >want
	printf '%b\n' "echo:$bytes" "encrypt:eecho:$bytes" | talk |
		cmp want -
}

@test "a request goes sealed when the client asks for it" {
	start_up
	run -0 lonc-send -C here there sealed:a encrypt:sealed:b
	expect_eq "$(lines no yes:sealed:b)" "$output"
	run -1 ask auth:x encrypt:auth:x
	expect_eq "$(lines refused unknown_cmd)" "$output"
	got peer 'P auth:x'
	got peer 'S auth:x'
}

@test "sealed requests and replies of every length come through" {
	local i text=""

	start_up --version lonc-9
	for i in {0..25}; do
		echo "$text" >>want
		text+=$((i % 10))
	done
	sed 's/^/eecho:/' want | lonc-send -C here -e there >got
	cmp want got
	expect_eq 26 "$(grep -c '^S eecho:' peer.requests)"
}

@test "sealed and plain replies to a batch keep their order" {
	start_up --version lonc-9
	run -0 ask eecho:a echo:b eecho:c eecho:d echo:e encrypt:eecho:f echo:g
	expect_eq "$(lines a b c d e f g)" "$output"
}

@test "a short build key serves as well" {
	start_up --short-key
	run -0 ask encrypt:sealed:a eecho:b
	expect_eq "$(lines yes:sealed:a b)" "$output"
}

@test "a reply that looks sealed and cannot be opened goes on as it came" {
	start_up --version lonc-9
	lines enc: enc:9:0011223344556677 enc:8:001122334455667x enc:x:00 \
	    enc:8:00112233445566770 >want
	run -0 lonc-send -C here there < <(sed 's/^/echo:/' want)
	expect_eq "$(cat want)" "$output"
	run ! logged 'up -> down'
}

@test "a reply longer than max_reply becomes an error" {
	start_peer --version lonc-9
	set_conf here max_reply 1024
	start_link here there
	wait_for 10 logged 'opening -> up'
	run -1 ask dump:1025 dump:1024 dump:2305 dump:300000 echo:a
	expect_eq "$(lines 'error: line too long' "$(printf %01024d 0 |
	    tr 0 x)" 'error: line too long' 'error: line too long' a)" "$output"
	run ! logged 'up -> down'
}

@test "a sealed reply longer than max_reply becomes an error" {
	local k

	k=$(printf %01024d 0)
	start_peer --version lonc-9
	set_conf here max_reply 1024
	start_link here there
	wait_for 10 logged 'opening -> up'
	run -0 ask "eecho:$k" echo:a
	expect_eq "$(lines "$k" a)" "$output"
	run -1 ask "eecho:${k}0" "eecho:${k}01234567" "eecho:$k$k$k" echo:b
	expect_eq "$(lines 'error: line too long' 'error: line too long' \
	    'error: line too long' b)" "$output"
}

@test "a request longer than max_line is refused, and the next one served" {
	local k

	k=$(printf %01019d 0)	# with "echo:" it is 1024 bytes
	start_peer
	set_conf here max_line 1024
	start_link here there
	wait_for 10 logged 'opening -> up'
	lines "echo:$k" "echo:${k}0" echo:a "encrypt:echo:$k" \
	    "encrypt:echo:${k}0" echo:b >request
	{ printf %0300000d 0; lines "" echo:c; } >>request
	run -0 talk <request
	expect_eq "$(lines "$k" 'error: line too long' a "$k" \
	    'error: line too long' b 'error: line too long' c)" "$output"
}

@test "the link answers some words itself, and does not pass them on" {
	start_up --version lonc-9
	lines "" lonc:wake lonc:flush lonc: encrypt:lonc:wake encrypt: \
	    encrypt:close_connection_exit >own
	lines init init:x initx ekey ekeyx exit exitus sethost:there \
	    version:1 enc:8:00 once:1 >reserved
	run -0 talk < <(cat own reserved; sed 's/^/encrypt:/' reserved
	    echo echo:last)
	expect_eq "$(lines unknown_cmd ok unknown_cmd unknown_cmd unknown_cmd \
	    unknown_cmd unknown_cmd; sed 's/.*/refused/' reserved reserved
	    echo last)" "$output"
	# Of the opening, and then no more than the last.
	expect_eq "P ekey P echo:last" "$(tail -n 2 peer.requests | xargs)"
}

# own_words_in_place: among requests that take their time
own_words_in_place() {
	lines slow:100:a lonc:wake echo:b "" slow:20:c init d:x encrypt: \
	    "$(printf %01100000d 0)" echo:e >request
	run -0 talk <request
	expect_eq "$(lines a ok b unknown_cmd c refused unknown_cmd \
	    unknown_cmd 'error: line too long' e)" "$output"
}

@test "what the link answers itself keeps its place in a batch" {
	start_up --version lonc-9
	own_words_in_place
}

@test "what the link answers itself keeps its place, with an old peer too" {
	start_up
	own_words_in_place
}

@test "what the link answers itself is there while the link is down" {
	host_here "$(free_port)"
	start_link here there
	wait_for 10 logged 'connecting -> down'
	lines lonc:wake "" ping init x encrypt:x lonc:x >request
	run -0 talk <request
	expect_eq "$(lines ok unknown_cmd con_lost refused con_lost con_lost \
	    unknown_cmd)" "$output"
}

# ---- losing the connection ----

@test "requests get con_lost at once while the link is down" {
	local since

	host_here "$(free_port)"
	set_conf here retry_max 20
	set_conf here retry_min 20
	start_link here there
	wait_for 10 logged 'connecting -> down'
	since=$(now)
	run -111 ask a b encrypt:c
	expect_within 2000 "$since"
	expect_eq "$(lines con_lost con_lost con_lost)" "$output"
}

@test "requests get con_lost at once while the link is being opened" {
	local since

	start_peer --silent pong
	start_link here there
	wait_for 10 got peer 'P pong'
	since=$(now)
	run -111 ask a b
	expect_within 2000 "$since"
	expect_eq "$(lines con_lost con_lost)" "$output"
}

# loses_all: what is unanswered when the peer goes away
loses_all() {
	client one 'say echo:a\nslow:60000:b\necho:c\nlonc:wake\nempty:\n' \
	    'get 5'
	wait_for 10 got peer 'P slow:60000:b'
	client two 'say echo:d\n' 'get 1'
	wait_for 10 client_count 2
	stop peer KILL || :
	expect_end 0 one
	expect_end 0 two
	expect_eq "$(lines a con_lost con_lost ok con_lost)" "$(cat one.out)"
	expect_eq con_lost "$(cat two.out)"
	signal USR1
	wait_for 10 logged ' 4 con_lost, '
}

# client_count N: whether the link has so many, which it is made to tell
client_count() {
	signal USR1
	tail -n 1 "$log" | grep -q "; $1 clients, "
}

# unanswered_count N: the same of requests that are unanswered
unanswered_count() {
	signal USR1
	tail -n 1 "$log" | grep -q ", $1 unanswered; "
}

@test "all that is unanswered gets con_lost when the connection is lost" {
	start_up --version lonc-9
	loses_all
}

@test "so does what an old peer was not yet asked" {
	start_up
	loses_all
}

@test "requests after a lost connection are answered on the next" {
	start_up --close-after 2 --faults-once
	run -111 ask echo:a echo:b
	expect_eq "$(lines a con_lost)" "$output"
	wait_for 10 logged 'opening -> up' 2
	logged 'up -> down: the peer has closed the connection'
	run -0 ask echo:c echo:d echo:e
	expect_eq "$(lines c d e)" "$output"
}

# stuck: whether there are as many requests unanswered as a moment ago
stuck() {
	signal USR1
	[ "$(sed -n 's/.*connections, \([1-9][0-9]* un[a-z]*\);.*/\1/p' "$log" |
	    tail -n 2 | uniq -c | awk '{ print $1 }')" = 2 ]
}

@test "what an old connection did not take is not sent on the next" {
	start_up --version lonc-9
	kill -s STOP "$(pid_of peer)"
	client one "fill 200 echo:$(printf %0100000d 0)\\n" 'get 200'
	wait_for 10 stuck
	stop peer KILL || :
	expect_end 0 one
	expect_eq "200 con_lost" "$(sort one.out | uniq -c | xargs)"
	start_server peer2
	set_conf here londPort "$(cat peer2.port)"
	signal HUP
	wait_for 10 logged 'opening -> up' 2
	run -0 ask echo:a
	expect_eq a "$output"
	expect_eq "P init" "$(head -n 1 peer2.requests)"
}

@test "a request that is not answered in time ends the connection" {
	local since

	start_peer --version lonc-9
	set_conf here request_timeout 0.2
	start_link here there
	wait_for 10 logged 'opening -> up'
	since=$(now)
	run -111 ask echo:a slow:9000:b echo:c
	expect_within 2000 "$since"
	expect_eq "$(lines a con_lost con_lost)" "$output"
	logged 'up -> down: request: no answer in time'
	wait_for 10 logged 'opening -> up' 2
	run -0 ask echo:d
	expect_eq d "$output"
}

# bats test_tags=slow
@test "a request's time begins when it is the oldest that is unanswered" {
	start_peer --version lonc-9
	set_conf here request_timeout 0.6
	start_link here there
	wait_for 10 logged 'opening -> up'
	run -0 ask slow:300:a slow:300:b slow:300:c
	expect_eq "$(lines a b c)" "$output"
}

@test "no request is answered by a reply of a later connection" {
	start_peer --version lonc-9
	set_conf here request_timeout 0.3
	start_link here there
	wait_for 10 logged 'opening -> up'
	client one 'say slow:800:old\necho:old\n' 'get 2' 'await again' \
	    'say slow:100:new\necho:newer\n' 'get 2' 'shut' 'end'
	wait_for 10 logged 'opening -> up' 2
	touch again
	expect_end 0 one
	expect_eq "$(lines con_lost con_lost new newer)" "$(cat one.out)"
}

@test "a reply that nobody asked for ends the connection" {
	start_up --version lonc-9 --extra --faults-once
	run -0 ask echo:a
	expect_eq a "$output"
	wait_for 10 logged 'up -> down: a reply that nobody asked for'
	wait_for 10 logged 'opening -> up' 2
	run -0 ask echo:b echo:c
	expect_eq "$(lines b c)" "$output"
}

# ---- idle ----

# bats test_tags=slow
@test "a ping is sent when nothing has come for idle_ping, and only then" {
	start_peer
	set_conf here idle_ping 0.6
	set_conf here connections 0
	start_link here there
	wait_for 10 logged 'opening -> up'
	run -0 ask slow:300:a slow:300:b slow:900:c
	run ! got peer 'P ping'
	wait_for 10 got peer 'P ping'
	run ! logged 'up -> down'
}

# bats test_tags=slow
@test "a peer that stops is noticed within one and a half idle_ping" {
	local since

	start_peer
	set_conf here idle_ping 0.6
	start_link here there
	wait_for 10 logged 'opening -> up'
	ask ping
	kill -s STOP "$(pid_of peer)"
	since=$(now)
	wait_for 5 logged 'up -> down: ping: no answer in time'
	expect_within 1300 "$since"
	kill -s CONT "$(pid_of peer)"
	wait_for 10 logged 'opening -> up' 2
	run -0 ask ping
	expect_eq there "$output"
}

@test "a ping with a wrong answer ends the connection" {
	start_server peer --id other --answer sethost=ok --pong there:x
	host_here "$(cat peer.port)"
	set_conf here idle_ping 0.1
	start_link here there
	wait_for 10 logged \
	    "up -> down: a ping was not answered with the peer's id"
}

# ---- clients ----

@test "a client that closes its sending half gets its replies and the end" {
	start_up
	run -0 talk < <(lines slow:100:a echo:b slow:50:c)
	expect_eq "$(lines a b c)" "$output"
}

@test "a last line without its end is none" {
	start_up
	run -0 talk < <(printf 'echo:a\necho:b')
	expect_eq a "$output"
	run -0 ask echo:c
	expect_eq c "$output"
	run ! got peer 'P echo:b'
}

@test "bytes and the end of the stream may come together" {
	local n

	start_up --version lonc-9
	# One line; just what the link reads at once; and more than that.
	for n in 1 1024 3000; do
		seq -f 'echo:%058g' "$n" >request
		signal STOP
		client "one$n" 'file request' shut "touch sent$n" end
		[ "$n" -gt 1024 ] || wait_for 10 test -e "sent$n"
		signal CONT
		expect_end 0 "one$n"
		sed 's/^echo://' request | cmp - "one$n.out"
	done
}

# vanishing: a client that is gone before its replies come
vanishing() {
	raw 'say slow:200:x\necho:y\neecho:z\n'
	wait_for 10 got peer 'P slow:200:x'
	run -0 ask echo:a echo:b
	expect_eq "$(lines a b)" "$output"
	wait_for 10 client_count 0
	run ! logged 'up -> down'
}

@test "a client that goes away before its replies harms nobody" {
	start_up --version lonc-9
	vanishing
}

@test "nor does one of an old peer" {
	start_up
	vanishing
}

# deaf: one that does not read 4 MiB holds nobody up, and gets them at last
deaf() {
	client deaf 'say dump:4194304\necho:end\n' 'await go' 'get 2'
	wait_for 10 got peer 'P dump:4194304'
	run -0 ask echo:a dump:100000 echo:b
	expect_eq "$(lines a "$(printf %0100000d 0 | tr 0 x)" b)" "$output"
	touch go
	expect_end 0 deaf
	expect_eq "4194304 3" "$(awk '{ print length }' deaf.out | xargs)"
}

@test "a client that reads slowly holds up nobody" {
	start_up --version lonc-9
	deaf
}

@test "a client that reads slowly holds up nobody at an old peer" {
	start_up
	deaf
}

@test "a client that does not read is asked for no more requests" {
	start_up
	client deaf 'fill 1000 dump:10000\n' 'await go' 'get 1000'
	wait_for 10 got peer 'P dump:10000'
	seq -f 'echo:%g' 200 | lonc-send -C here there | cmp - <(seq 200)
	# What the socket and 64 KiB can hold, and not all that was asked.
	[ "$(grep -c dump peer.requests)" -lt 100 ]
	touch go
	expect_end 0 deaf
	expect_eq 1000 "$(wc -l <deaf.out)"
}

@test "a client is cut off when too much piles up for it" {
	start_peer --version lonc-9
	set_conf here max_reply 1024
	start_link here there
	wait_for 10 logged 'opening -> up'
	kill -s STOP "$(pid_of peer)"
	client deaf 'fill 1000 dump:1024\n' 'await go' end
	wait_for 10 unanswered_count 1000
	kill -s CONT "$(pid_of peer)"
	wait_for 10 logged 'a client that leaves '
	run -0 ask echo:a
	expect_eq a "$output"
	wait_for 10 client_count 0
	touch go
	wait_for 10 has_ended deaf
}

@test "a client that floods, or says half a line, holds up nobody" {
	start_up
	client flood 'flood 1000000 lonc:x\n' 'await go'
	client half 'say echo:hal' 'await go' 'say f\n' 'get 1'
	wait_for 10 client_count 2
	run -0 ask echo:a echo:b
	expect_eq "$(lines a b)" "$output"
	touch go
	expect_end 0 half
	expect_eq half "$(cat half.out)"
}

# bats test_tags=slow
@test "a client that reads just while it is being put off goes on" {
	strace -o /dev/null true || skip "needs strace"
	start_peer
	# The leak checker does not run under strace.
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 \
	    start link-here-there strace -f -o trace \
	    -e trace=sendto,recvfrom -e inject=sendto:delay_enter=200000 \
	    lonc-link -C here there
	wait_until_ready link-here-there test -S "$sock"
	wait_for 10 logged 'opening -> up'
	# The socket takes most of the first reply, and more than 64 KiB are
	# left over when the second request comes; before the link has tried
	# again to send them, the client reads all there is.
	client one 'say dump:300000\n' 'await go' 'flood 1 lonc:x\n' \
	    'await read' 'get 2'
	wait_for 10 grep -q 'sendto(.*, 300001, .*(DELAYED)' trace
	touch go
	wait_for 10 grep -qF '"lonc:x' trace
	touch read
	expect_end 0 one
	expect_eq "300000 11" "$(awk '{ print length }' one.out | xargs)"
}

@test "one client more than max_clients is served when another leaves" {
	start_peer
	set_conf here max_clients 2
	start_link here there
	wait_for 10 logged 'opening -> up'
	client one 'say echo:one\n' 'get 1' 'await go' 'say echo:1\n' 'get 1'
	client two 'say echo:two\n' 'get 1' 'await go.two'
	wait_for 10 grep -q one one.out
	wait_for 10 grep -q two two.out
	client three 'touch connected' 'say echo:three\n' 'get 1'
	wait_for 10 test -e connected
	wait_for 10 client_count 2
	expect_eq "" "$(cat three.out)"
	touch go
	expect_end 0 one
	wait_for 10 has_ended three
	expect_eq three "$(cat three.out)"
}

# cpu: what the link has used of it, in clock ticks
cpu() {
	awk '{ print $14 + $15 }' "/proc/$(pid_of link-here-there)/stat"
}

@test "a link that waits for its peer does not turn" {
	local before

	start_peer
	set_conf here max_clients 4
	set_conf here connections 0
	start_link here there
	wait_for 10 logged 'opening -> up'
	client slow 'say slow:700:a\n' shut 'get 1' end
	wait_for 10 got peer 'P slow:700:a'
	client stalled 'say echo:b\nlonc:wake\n' 'get 2' end
	client held 'say echo:c\nlonc:wake\necho:d\n' shut 'get 3' end
	client half 'say echo' 'await go'
	wait_for 10 client_count 4
	client fifth 'say echo:e\n' 'get 1'
	before=$(cpu)
	expect_end 0 slow
	[ $(($(cpu) - before)) -lt $(($(getconf CLK_TCK) / 5)) ]
	touch go
	expect_end 0 fifth
}

# bats test_tags=slow
@test "a link takes no more clients than it has descriptors for" {
	start_peer
	start link-here-there sh -c 'ulimit -n 24; exec lonc-link -C here there'
	wait_until_ready link-here-there test -S "$sock"
	wait_for 10 logged 'opening -> up'
	client first 'say echo:a\n' 'get 1' 'await go' 'say echo:b\n' 'get 1'
	wait_for 10 grep -q a first.out
	client many 'more 40' 'touch connected' 'await leave'
	wait_for 10 test -e connected
	logged 'clients at a time, not max_clients 1024, with the limit'
	touch go
	expect_end 0 first
	touch leave
	run -0 ask echo:c
	expect_eq c "$output"
	run ! logged 'accept:'
	run ! logged 'up -> down'
}

# ---- signals and settings ----

@test "USR1 logs a line about the link" {
	start_up --version lonc-9
	ask echo:a echo:b
	client one 'say slow:60000:c\n' 'get 1'
	wait_for 10 got peer 'P slow:60000:c'
	signal USR1
	wait_for 10 logged 'unanswered'
	run -0 tail -n 1 "$log"
	[[ $output =~ ^"lonc-link: there: up since 20"[0-9T:-]+"Z; 1 clients, \
1 connections, 1 unanswered; 3 requests, 2 replies, 0 con_lost, 0 log lines dropped"$ ]]
}

@test "HUP reads the settings again and keeps the connection" {
	start_up
	set_conf here idle_ping 0.1
	run ! got peer 'P ping'
	signal HUP
	wait_for 10 logged 'settings and tables were read again'
	wait_for 10 got peer 'P ping'
	run ! logged '-> down'
}

@test "HUP leads the link to another port" {
	start_up
	start_server peer2
	client one 'say slow:60000:a\n' 'get 1'
	wait_for 10 got peer 'P slow:60000:a'
	set_conf here londPort "$(cat peer2.port)"
	signal HUP
	expect_end 0 one
	expect_eq con_lost "$(cat one.out)"
	logged 'the settings lead elsewhere: connecting anew'
	wait_for 10 logged 'opening -> up' 2
	run -0 ask echo:b
	expect_eq b "$output"
	got peer2 'P echo:b'
}

@test "HUP leads the link to another address, but not for another host" {
	start_up
	echo other:test:library:other.example:127.0.0.4 >>hosts.tab
	signal HUP
	wait_for 10 logged 'settings and tables were read again'
	run ! logged '-> down'
	sed -i '/^there:/s/127.0.0.1$//' hosts.tab
	signal HUP
	wait_for 10 logged 'the settings lead elsewhere: connecting anew'
	wait_for 10 logged 'opening -> up' 2
}

@test "HUP in the middle of an opening does it no harm" {
	start_peer --delay pong=300
	start_link here there
	wait_for 10 got peer 'P pong'
	signal HUP
	wait_for 10 logged 'opening -> up'
	run -0 ask encrypt:sealed:a eecho:b
	expect_eq "$(lines yes:sealed:a b)" "$output"
	run ! logged '-> down'
}

@test "HUP with wrong settings leaves the old ones in force" {
	local n

	start_up
	set_conf here londPort 1
	set_conf here retry_min nonsense
	n=$(wc -l <here/lonc.conf)
	signal HUP
	wait_for 10 logged 'the settings stay as they were'
	logged "here/lonc.conf:$n: retry_min: \"nonsense\""
	mv here/lonc.conf conf
	signal HUP
	wait_for 10 logged 'the settings stay as they were' 2
	sed '/ nonsense$/d; /londPort 1$/d' conf >here/lonc.conf
	run -0 ask echo:a
	expect_eq a "$output"
	run ! logged '-> down'
}

@test "HUP that forbids the link ends it when it has finished" {
	start_up
	client one 'say slow:300:a\n' 'get 1'
	wait_for 10 got peer 'P slow:300:a'
	set_conf here allow_legacy no
	signal HUP
	expect_end 100 link-here-there
	expect_end 0 one
	expect_eq a "$(cat one.out)"
	logged 'allow_legacy in here/lonc.conf does not name it'
	[ ! -e "$sock" ]
}

@test "HUP that raises max_line and max_reply does so for what is there" {
	start_peer
	set_conf here max_line 1024
	set_conf here max_reply 1024
	start_link here there
	wait_for 10 logged 'opening -> up'
	printf 'echo:%0400000d\n' 0 >request
	client one 'file request' 'get 1' 'await again' 'file request' 'get 1'
	wait_for 10 grep -qx 'error: line too long' one.out
	set_conf here max_line 1000000
	set_conf here max_reply 1000000
	signal HUP
	wait_for 10 logged 'settings and tables were read again'
	touch again
	expect_end 0 one
	sed -n 's/^echo://p' request | cmp - <(tail -n 1 one.out)
	run ! logged 'up -> down'
}

@test "HUP that lowers max_line does so for a line that has begun" {
	start_up
	client one 'fill 300000 echo' 'touch begun' 'await again' \
	    'say \necho:a\n' 'get 2'
	wait_for 10 test -e begun
	set_conf here max_line 1024
	signal HUP
	wait_for 10 logged 'settings and tables were read again'
	touch again
	expect_end 0 one
	expect_eq "$(lines 'error: line too long' a)" "$(cat one.out)"
	run -0 ask "echo:$(printf %01019d 0)"
}

@test "HUP says what needs a restart" {
	start_up
	set_conf here lonSockDir "$PWD/here"
	signal HUP
	wait_for 10 logged 'another lonSockDir or socket_group needs a restart'
	run -0 talk <<<echo:a
	expect_eq a "$output"
	run ! logged '-> down'
}

@test "HUP ends a pause" {
	host_here "$(free_port)"
	set_conf here retry_max 40
	set_conf here retry_min 40
	start_link here there
	wait_for 10 logged 'connecting -> down'
	start_server peer
	set_conf here londPort "$(cat peer.port)"
	signal HUP
	wait_for 10 logged 'opening -> up'
}

# ends_after_reply SIGNAL: and takes nothing new
ends_after_reply() {
	local since

	start_up
	client one 'say slow:500:a\necho:b\n' 'get 2' end
	wait_for 10 got peer 'P slow:500:a'
	since=$(now)
	signal "$1"
	wait_for 10 test ! -e "$sock"
	run ! has_ended link-here-there
	expect_end 0 one
	expect_end 0 link-here-there
	expect_within 3000 "$since"
	expect_eq "$(lines a con_lost)" "$(cat one.out)"
	run ! got peer 'P echo:b'
}

@test "TERM ends a link when what is unanswered has been answered" {
	ends_after_reply TERM
}

@test "INT does the same" {
	ends_after_reply INT
}

@test "requests that went ahead are answered before the end" {
	start_up --version lonc-9
	client one 'say slow:300:a\necho:b\neecho:c\n' 'get 3' end
	wait_for 10 got peer 'P eecho:c'
	signal TERM
	expect_end 0 one
	expect_end 0 link-here-there
	expect_eq "$(lines a b c)" "$(cat one.out)"
}

@test "a second signal ends a link at once" {
	local since

	start_up
	client one 'say slow:60000:a\n' 'get 1' end
	wait_for 10 got peer 'P slow:60000:a'
	signal TERM
	wait_for 10 test ! -e "$sock"
	since=$(now)
	signal TERM
	expect_end 0 link-here-there
	expect_within 2000 "$since"
	expect_end 0 one
	expect_eq con_lost "$(cat one.out)"
}

@test "a link that is down, or idle, ends at once" {
	local since

	start_up
	since=$(now)
	signal TERM
	expect_end 0 link-here-there
	stop peer || :
	start_link here there
	signal INT
	expect_end 0 link-here-there
	expect_within 3000 "$since"
	[ ! -e "$sock" ]
}

@test "a link that is being opened ends at once" {
	local since

	start_peer --silent pong
	start_link here there
	wait_for 10 got peer 'P pong'
	since=$(now)
	signal TERM
	expect_end 0 link-here-there
	expect_within 2000 "$since"
}

@test "close_connection_exit ends the link, for its own user" {
	start_up
	run -0 talk < <(lines echo:a close_connection_exit)
	expect_eq "$(lines a ok)" "$output"
	expect_end 0 link-here-there
	[ ! -e "$sock" ]
	logged 'told to close the connection and exit'
}

@test "close_connection_exit is refused to another user" {
	[ "$(id -u)" = 0 ] || skip "only root can be another user"
	start_peer
	set_conf here socket_group "$(id -gn nobody)"
	chmod 755 here/run
	start_link here there
	wait_for 10 logged 'opening -> up'
	run -0 "$root/tests/local-client.pl" --as nobody "$sock" \
	    'say close_connection_exit\nlonc:wake\necho:a\n' shut end
	expect_eq "$(lines refused ok a)" "$output"
	run -0 ask echo:b
	expect_eq b "$output"
}

# ---- the socket ----

@test "the socket is for its user and group alone" {
	local group

	group=$(id -Gn | tr ' ' '\n' | tail -n 1)
	[ "$(id -u)" != 0 ] || group=nogroup
	start_peer
	set_conf here socket_group "$group"
	start_link here there
	expect_eq "660 $(id -un) $group socket" \
	    "$(stat -c '%a %U %G %F' "$sock")"
	expect_eq "640" "$(stat -c %a here/run/.there.lock)"
	expect_eq "there .status .there.lock" "$(cd here/run && echo * .*[!.]*)"
}

@test "a second link to the same peer exits and leaves the first alone" {
	local was

	start_up
	was=$(stat -c %i "$sock")
	run -100 lonc-link -C here there
	expect_eq "lonc-link: there: another link to this peer runs already" \
	    "$output"
	expect_eq "$was" "$(stat -c %i "$sock")"
	run -0 ask echo:a
	expect_eq a "$output"
}

@test "the socket of a link that was killed is replaced" {
	start_up
	stop link-here-there KILL || :
	[ -S "$sock" ]
	: >"$log"
	start_link here there
	wait_for 10 logged 'opening -> up'
	run -0 ask echo:a
	expect_eq a "$output"
}

@test "without its group the socket is not made" {
	start_peer
	set_conf here socket_group no-such-group
	run -100 lonc-link -C here there
	expect_eq "$output" \
	    "lonc-link: there: socket_group no-such-group: no such group"
	expect_eq .there.lock "$(ls -A here/run)"
}

@test "without the default group the link goes on" {
	! getent group lonc >/dev/null || skip "there is a group lonc"
	start_peer
	sed -i /socket_group/d here/lonc.conf
	start_link here there
	logged 'socket_group lonc: no such group'
	wait_for 10 logged 'opening -> up'
}

@test "without lonSockDir, or with one too long, there is no link" {
	local long

	long=$PWD/$(printf %0100d 0)
	start_peer
	set_conf here lonSockDir "$PWD/nowhere"
	run -111 lonc-link -C here there
	expect_eq "lonc-link: there: open $PWD/nowhere/.there.lock: \
No such file or directory" "$output"
	mkdir "$long"
	set_conf here lonSockDir "$long"
	run -100 lonc-link -C here there
	expect_eq "lonc-link: there: socket in $long: File name too long" \
	    "$output"
}

# ---- what it tells ----

@test "readiness is a newline on the descriptor of -d, which is then closed" {
	start_peer
	mkfifo ready
	start reader cat ready
	start link-here-there lonc-link -C here -d 7 there 7>ready
	expect_end 0 reader
	printf '\n' | cmp - reader.out
	raw			# it listens
	kill -0 "$(pid_of link-here-there)"
}

# valgrind(1) has files of its own open there.
# bats test_tags=slow
@test "a descriptor for -d that is not open is refused" {
	local fd

	start_peer
	for fd in 3 5; do
		run -100 timeout 10 lonc-link -C here -d $fd there 3>&- 5>&-
		[[ $output == "lonc-link: -d $fd: "* ]]
	done
}

@test "NOTIFY_SOCKET is told of readiness and state" {
	start_peer
	start notify perl -MSocket -e '
		socket S, PF_UNIX, SOCK_DGRAM, 0 or die;
		bind S, sockaddr_un("notify") or die;
		$| = 1;
		print "$_\n" while defined recv S, $_, 4096, 0;'
	wait_for 10 test -S notify
	NOTIFY_SOCKET=$PWD/notify start_link here there
	wait_for 10 grep -q '^STATUS=up since 20.*Z$' notify.out
	expect_eq "READY=1" "$(grep -v STATUS notify.out)"
	signal HUP
	wait_for 10 grep -q RELOADING=1 notify.out
	stop peer || :
	wait_for 10 expect_eq STATUS=down \
	    "$(tail -n 1 notify.out | cut -d' ' -f 1)"
	signal TERM
	expect_end 0 link-here-there
	wait_for 10 grep -q STOPPING=1 notify.out
	expect_eq "READY=1 RELOADING=1 READY=1 STOPPING=1" \
	    "$(grep -v STATUS notify.out | xargs)"
}

@test "NOTIFY_SOCKET may be an abstract one" {
	start_peer
	start notify perl -MSocket -e '
		socket S, PF_UNIX, SOCK_DGRAM, 0 or die;
		bind S, pack "Sa*", AF_UNIX, "\0lonc-test-$$" or die;
		$| = 1;
		print "bound\n";
		print "$_\n" while defined recv S, $_, 4096, 0;'
	wait_for 10 grep -q bound notify.out
	NOTIFY_SOCKET=@lonc-test-$(pid_of notify) start_link here there
	wait_for 10 grep -qx READY=1 notify.out
}

# titled TEXT: whether ps shows the link with this title
titled() {
	local title

	title=$(ps -o args= -p "$(pid_of link-here-there)")
	[[ $title =~ ^"lonc-link: there: $1 since "20[0-9T:-]{17}Z$ ]]
}

# bats test_tags=slow
@test "the process title shows the state" {
	host_here "$(free_port)"
	start_link here there
	wait_for 10 titled down
	start_server peer
	set_conf here londPort "$(cat peer.port)"
	signal HUP
	wait_for 10 titled up
	stop peer || :
	wait_for 10 titled down
}

@test "a log that is not read does not stop the link" {
	start_peer
	mkfifo full
	start reader perl -e '
		open F, "+<", "full" or die;
		fcntl F, 4, 2048;	# F_SETFL, O_NONBLOCK
		1 while syswrite F, "x" x 512;
		open D, ">", "filled"; close D;
		select undef, undef, undef, 0.01 until -e "drain";
		1 while sysread F, $_, 65536;
		open D, ">", "drained"; close D;
		fcntl F, 4, 0;
		$| = 1;
		print while sysread F, $_, 65536;'
	wait_for 10 test -e filled
	start link-here-there sh -c 'exec lonc-link -C here there 2>full'
	wait_for 10 answers here there
	signal USR1
	run -0 ask echo:a
	expect_eq a "$output"
	touch drain
	wait_for 10 test -e drained
	signal USR1
	wait_for 10 grep -q 'log lines were dropped$' reader.out
	wait_for 10 grep -q ', [1-9][0-9]* log lines dropped$' reader.out
}

@test "a log that has gone does not stop the link" {
	start_peer
	mkfifo gone
	start reader head -n 1 gone
	start link-here-there sh -c 'exec lonc-link -C here there 2>gone'
	expect_end 0 reader
	signal USR1
	stop peer || :
	start_server peer
	set_conf here londPort "$(cat peer.port)"
	signal HUP
	wait_for 10 answers here there
}

@test "without standard descriptors nothing is written elsewhere" {
	start_peer
	start link-here-there sh -c 'exec lonc-link -C here there <&- >&- 2>&-'
	wait_for 10 answers here there
	signal USR1
	signal HUP
	run -0 ask echo:a
	expect_eq a "$output"
	run ! grep lonc-link peer.requests
}

@test "requests and replies are not logged" {
	start_up
	run ask secret:1 encrypt:secret:2 eecho:secret3 echo:secret4
	signal USR1
	wait_for 10 logged unanswered
	run ! grep secret "$log"
}

# ---- options and the check ----

# bats test_tags=slow
@test "misuse is told, with status 100" {
	local args

	for args in "" "a b" "-x there" "-d 2 there" "-d x there" -d "-1 a"; do
		# shellcheck disable=SC2086
		run -100 lonc-link $args
		[[ $output == *"usage: lonc-link "* || $output == *"-d"* ]]
	done
}

@test "-h shows all options, -V the version" {
	run -0 --separate-stderr lonc-link -h
	[[ $output == "usage: lonc-link [-C dir] [-d fd] [-t] PEER"* ]]
	expect_eq "" "$stderr"
	run -0 --separate-stderr lonc-link -V
	[[ $output =~ ^"lonc-link "[0-9.]+$ ]]
	expect_eq "" "$stderr"
}

@test "-t is quiet about what is good, and changes nothing" {
	host_here 5663
	run -0 lonc-link -C here -t there
	expect_eq "" "$output"
	expect_eq "" "$(ls -A here/run)"
	run -0 env LONC_CONF="$PWD/here" lonc-link -t there
}

@test "-t leaves a link that runs alone" {
	start_up
	run -0 lonc-link -C here -t there
	run -0 ask echo:a
	expect_eq a "$output"
}

# refused TEXT [PEER]: by -t, which says so, and by the link itself
refused() {
	run -100 lonc-link -C here -t "${2:-there}"
	[[ $output == *"$1"* ]] || expect_eq "$1" "$output"
	run -100 lonc-link -C here "${2:-there}"
	[[ $output == *"$1"* ]] || expect_eq "$1" "$output"
}

# bats test_tags=slow
@test "-t and the link refuse wrong settings, with file and line" {
	local line n

	host_here 5663
	cp here/lonc.conf good
	n=$(($(wc -l <good) + 1))
	while read -r line; do
		{ cat good; echo "$line"; } >here/lonc.conf
		refused "lonc-link: there: here/lonc.conf:$n: ${line%% *}: "
	done <<-END
		lonHostID -x
		lonHostID
		lonSockDir run
		londPort 0
		londPort 65536
		londPort x
		source_address localhost
		allow_legacy yes there
		allow_legacy ../x
		socket_group a b
		connect_timeout 0
		init_timeout -1
		request_timeout 1.2345
		idle_ping 86401
		retry_min 1000
		max_line 1023
		max_reply 1073741825
		max_clients 0
		max_outstanding 65537
	END
	grep -v lonHostID good >here/lonc.conf
	refused "here/lonc.conf: lonHostID is not set"
	rm here/lonc.conf
	refused "here/lonc.conf: No such file or directory"
}

@test "-t counts what is wrong about other hosts, which stops no link" {
	start_peer
	echo "elsewhere:test" >>hosts.tab
	run -100 lonc-link -C here -t there
	expect_eq "lonc-link: there: here/hosts.tab:3: only 2 of the columns \
id:domain:role:hostname:address" "$output"
	start_link here there
	wait_for 10 logged 'opening -> up'
}

# bats test_tags=slow
@test "-t and the link refuse a peer to which there may be no link" {
	host_here 5663
	refused "lonc-link: nobody: not in here/hosts.tab" nobody
	refused "lonc-link: here: that is this host itself" here
	refused "lonc-link: ../x: not a host id" ../x
	refused "lonc-link: .x: not a host id" .x
	refused "lonc-link: delayed: not a host id" delayed
	refused "lonc-link: \\x1b: not a host id" $'\e'
	set_conf here allow_legacy other
	refused "there: allow_legacy in here/lonc.conf does not name it"
	rm here/hosts.tab
	refused "here/hosts.tab: No such file or directory"
}

@test "-t refuses a lonSockDir of no use" {
	local long

	long=$PWD/$(printf %0100d 0)
	mkdir "$long"
	host_here 5663
	set_conf here lonSockDir "$PWD/nowhere"
	run -100 lonc-link -C here -t there
	expect_eq "lonc-link: there: lonSockDir $PWD/nowhere: No such file or \
directory" "$output"
	set_conf here lonSockDir "$PWD/hosts.tab"
	run -100 lonc-link -C here -t there
	[[ $output == "lonc-link: there: lonSockDir $PWD/hosts.tab: "* ]]
	set_conf here lonSockDir "$long"
	run -100 lonc-link -C here -t there
	expect_eq "lonc-link: there: lonSockDir $long is too long for a \
socket's path" "$output"
}

@test "-t refuses a socket_group that does not exist" {
	host_here 5663
	set_conf here socket_group no-such-group
	run -100 lonc-link -C here -t there
	[[ $output == *"socket_group no-such-group: no such group"* ]]
}
