#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154
# What lonc-status shows of real links, and of what else may be there.
#
# Not tested:
# - the layout of the table in all its cases, which tests/unit/view.c tests;
# - that no socket is opened; but links that hang or are gone are shown;
# - secure links and stored requests, which there are none of yet, but for
#   figures put into a record by hand.

load link

bats_require_minimum_version 1.5.0

record=here/run/.status/there

# status OPTION...: of the links of the host here
status() {
	lonc-status -C here "$@"
}

# field NAMES [PEER]: their values, with blanks between them
field() {
	status -o "$1" "${2:-there}" | tr '\t' ' '
}

# is NAME VALUE: whether the field has it
is() {
	[ "$(field "$1")" = "$2" ]
}

# column NUMBER PEER: of the table
column() {
	status "$2" | awk -v n="$1" -v peer="$2" '$1 == peer { print $n }'
}

# poke FILE OFFSET TEMPLATE VALUE: change a file in place, as pack in Perl
poke() {
	perl -e '
		my ($file, $at, $template, $value) = @ARGV;
		open my $fh, "+<", $file or die "$file: $!\n";
		seek $fh, $at, 0;
		syswrite $fh, pack $template, $value or die "$!\n";' "$@"
}

# ---- states ----

@test "a link that is up is well" {
	local row='^there +up +[0-9]s +lonc-9 +legacy +0 +0 +- +- +0 +0 +-$'

	start_up --version lonc-9
	run -0 --separate-stderr status
	expect_eq "" "$stderr"
	[[ ${lines[0]} =~ ^PEER\ +STATE\ +SINCE\ +VERSION\ +LINK\ +REQS ]]
	[[ ${lines[1]} =~ $row ]]
	expect_eq 2 "${#lines[@]}"
	run -0 status there
	expect_eq "up lonc-9 legacy 1 1 1" \
	    "$(field state,version,security,pipelined,connects,connections)"
}

@test "a link that is down is not well, and the reason is shown" {
	local why='^ *last error [0-9]+s ago: connecting: connect .* refused$'

	host_here "$(free_port)"
	start_link here there
	wait_for 10 logged 'Connection refused'
	run -1 --separate-stderr status
	expect_eq "" "$stderr"
	[[ ${lines[1]} =~ ^there\ +down\ +[0-9]s\ +-\ +-\ +0\ +0\  ]]
	[[ "${lines[*]:2}" =~ $why ]]
	run -111 ask echo:a
	expect_eq "down 0 1" "$(field state,requests,con_lost)"
}

@test "a link that was killed is dead, and its figures are still there" {
	start_up
	run -0 ask echo:a echo:b
	client held 'more 3' 'say slow:20000:a\n' 'end'
	wait_for 10 is unanswered 1
	wait_for 10 is clients 4
	pid=$(field pid)
	expect_eq "$(pid_of link-here-there)" "$pid"
	signal KILL
	wait_for 10 has_ended link-here-there
	run -1 --separate-stderr status
	expect_eq "" "$stderr"
	[[ ${lines[1]} =~ ^there\ +dead\ +-\  ]]
	expect_eq "    killed or crashed while it was up" "${lines[2]}"
	expect_eq "dead 3 2 $pid" "$(field state,requests,replies,pid)"
	expect_eq "0 0 0" "$(field clients,unanswered,connections)"
}

@test "a link that hangs is shown as it was" {
	start_up
	run -0 ask echo:a
	wait_for 10 is clients 0
	signal STOP
	run -0 status
	[[ ${lines[1]} =~ ^there\ +up\  ]]
	expect_eq "up 1 1" "$(field state,requests,replies)"
	signal CONT
	run -0 ask echo:b
}

@test "a link that was told to end is stopped, since then" {
	start_up
	run -0 ask echo:a
	client held 'say slow:20000:a\n' 'end'
	wait_for 10 is unanswered 1
	before=$(date +%s)
	signal TERM
	wait_for 10 logged 'told to end'
	stop link-here-there
	run -1 --separate-stderr status
	expect_eq "" "$stderr"
	[[ ${lines[1]} =~ ^there\ +stopped\ +[0-9]s\  ]]
	since=$(field since)
	[ "$since" -ge "$before" ]
	[ "$since" -le "$(date +%s)" ]
	expect_eq "stopped 2 1 1" "$(field state,requests,replies,con_lost)"
	expect_eq "0 0 0" "$(field clients,unanswered,connections)"
}

@test "a link that was told to end while it was down is stopped" {
	host_here "$(free_port)"
	start_link here there
	wait_for 10 logged 'Connection refused'
	stop link-here-there
	expect_eq stopped "$(field state)"
}

@test "a link that is started again counts anew" {
	start_up
	run -0 ask echo:a echo:b
	run -1 ask exit
	signal KILL
	wait_for 10 has_ended link-here-there
	expect_eq "2 2 1 1" "$(field requests,replies,refused,connects)"
	start_link here there
	wait_for 10 is state up
	expect_eq "0 0 0 1" "$(field requests,replies,refused,connects)"
	expect_eq "0 0 $(pid_of link-here-there)" "$(field p50,total_p50,pid)"
	run -0 ask echo:c
	expect_eq "1 1" "$(field requests,replies)"
}

# later_than SECOND: whether it is over
later_than() {
	[ "$(date +%s)" -gt "$1" ]
}

@test "a link that went down and came up again was up twice" {
	start_peer --close-after 2 --faults-once
	start_link here there
	wait_for 10 is state up
	since=$(field since)
	wait_for 10 later_than "$since"
	run -111 ask echo:a echo:b
	wait_for 10 is connects 2
	wait_for 10 is state up
	[ "$(field since)" -gt "$since" ]
	expect_eq "up: the peer has closed the connection" "$(field error)"
	[ "$(field error_at)" -gt "$since" ]
	run -0 status
	expect_eq 2 "${#lines[@]}"
}

# error_later_than SECOND: whether the last error is
error_later_than() {
	[ "$(field error_at)" -gt "$1" ]
}

@test "the last error is the last one, also if it is the same again" {
	host_here "$(free_port)"
	start_link here there
	wait_for 10 logged 'Connection refused'
	wait_for 10 error_later_than 0
	wait_for 10 error_later_than "$(field error_at)"
}

@test "an error is of its time, however long it is" {
	start_peer --answer "echo=$(printf %0200d 0)" --faults-once
	start_link here there
	wait_for 10 is state up
	wait_for 10 error_later_than 0
	error_at=$(field error_at)
	[[ $(field error) == *0000... ]]
	wait_for 10 later_than "$error_at"
	run -0 ask echo:a
	expect_eq "$error_at" "$(field error_at)"
}

@test "a peer that was named and has never had a link has none" {
	start_up
	run -1 --separate-stderr status nobody
	expect_eq "" "$stderr"
	[[ ${lines[1]} =~ ^nobody\ +never\ +-\ +- ]]
	expect_eq "nobody never 0 -" "$(field peer,state,since,version nobody)"
}

# ---- figures ----

@test "the figures of many requests add up" {
	start_up --version lonc-9
	for i in {1..2000}; do echo "echo:$((i % 10))"; done >requests
	lonc-send -C here there <requests >/dev/null &
	one=$!
	run -0 lonc-send -C here -e there <requests
	wait "$one"
	wait_for 10 is clients 0
	expect_eq "4000 4000 0 0 0" \
	    "$(field requests,replies,con_lost,refused,unanswered)"
	expect_eq 8000 "$(field bytes_in)"
	expect_eq 28000 "$(field bytes_out)"
	expect_eq 4000 "$(column 6 there)"
	run -1 ask exit init ekey
	expect_eq "4000 3" "$(field requests,refused)"
	[ "$(field total_p50)" -gt 0 ]
	expect_eq "$(field p50)" "$(field total_p50)"
}

@test "requests that are lost count as failures" {
	start_up --version lonc-9
	client lost 'say slow:20000:a\nslow:20000:b\n' 'end'
	wait_for 10 is unanswered 2
	stop peer KILL || :
	wait_for 10 is state down
	wait_for 10 is con_lost 2
	run -111 ask echo:a echo:b
	expect_eq 4 "$(field con_lost)"
	expect_eq 4 "$(column 7 there)"
}

@test "round trips take as long as they do" {
	start_up --version lonc-9
	# One after the other, so that none waits for another.
	for i in {1..20}; do
		run -0 ask slow:20:a
	done
	run -0 ask slow:400:a
	p50=$(field p50)
	p99=$(field p99)
	[ "$p50" -gt 20000 ]
	[ "$p50" -lt 200000 ]
	[ "$p99" -gt 400000 ]
	[ "$p99" -lt 2000000 ]
	# Those of the table are in milliseconds.
	[[ $(column 8 there) =~ ^[0-9]{2,3}$ ]]
	[[ $(column 9 there) =~ ^[0-9]{3,4}$ ]]
}

has_replies() {
	[ "$(field replies)" -gt 0 ]
}

@test "a record can be read while its link works hard" {
	start_up --version lonc-9 --life 300
	yes echo:a | head -n 200000 >requests
	start load sh -c 'while :; do lonc-send -C here there <requests; done'
	wait_for 10 has_replies
	for i in {1..20}; do
		run -0 --separate-stderr status -o requests,replies,unanswered
		expect_eq "" "$stderr"
		read -r requests replies unanswered <<<"$output"
		expect_eq "$requests" "$((replies + unanswered))"
	done
	run ! has_ended load
}

@test "the record is as the manual says" {
	start_up --version lonc-9
	run -0 ask echo:a slow:300:b
	run -1 ask exit
	wait_for 10 is clients 0
	perl -e '
		my @v = unpack "L4 lL3 a72 Z128 Z128 q3 Q10 Q4 q Z128 " .
		    "(q Q Q128)7 a*", join "", <>;
		my $n = 0;
		$n += $_ for @v[32 .. 159];
		print join(" ", @v[0, 1, 2, 4, 5, 6, 7], $v[8] =~ s/\0+$//r,
		    $v[9], @v[14 .. 23]), "\n";
		die "seq $v[3]\n" if $v[3] % 2;
		die "round trips $n, not 2\n" if $n != 2;
		die "they took $v[31] us\n" if $v[31] < 300000;
		die "minute $v[30]\n" if $v[30] != 0;
		die "rest\n" if $v[-1] ne "";' "$record" >got
	expect_eq "$((0x6c6f6e63)) 1 7912 $(pid_of link-here-there) 1 1 $(
	    field connections) there lonc-9 $(
	    field connects,requests,replies,con_lost,refused) $(
	    field bytes_out,bytes_in,unanswered,clients,log_dropped)" \
	    "$(cat got)"
}

@test "well is what has nothing stored for longer than an hour" {
	start_up
	poke "$record" 464 Q 3
	poke "$record" 496 q $(($(date +%s) - 3500))
	run -0 status
	[[ ${lines[1]} =~ \ 3\ +58m$ ]]
	expect_eq 3 "$(field stored)"
	poke "$record" 496 q $(($(date +%s) - 3700))
	run -1 status
	[[ ${lines[1]} =~ ^there\ +up\ .*\ 3\ +1h1m$ ]]
	# Nobody but who delivers them makes that go away.
	stop link-here-there
	start_link here there
	wait_for 10 is state up
	expect_eq 3 "$(field stored)"
}

# ---- several ----

# some_links: to the hosts b and c, which are up, and to others
some_links() {
	make_host here 127.0.0.2
	for id in b c d e; do
		make_host $id 127.0.0.$((10 + ${#PORT} + $(printf %d "'$id")))
	done
	start_serve b
	start_serve c
	for id in b c d e; do
		start_link here $id
	done
	wait_for 10 up b
	wait_for 10 up c
	stop link-here-e KILL || :
}

up() {
	[ "$(field state "$1")" = up ]
}

@test "those that need attention come first" {
	some_links
	run -1 status
	expect_eq "PEER e d b c" \
	    "$(awk '/^[^ ]/ { print $1 }' <<<"$output" | xargs)"
	run -0 status c b c
	expect_eq "PEER b c" "$(awk '{ print $1 }' <<<"$output" | xargs)"
	run -1 status c d
	run -1 status -o peer,state
	expect_eq "$(printf 'e\tdead\nd\tdown\nb\tup\nc\tup')" "$output"
}

@test "no line is longer than a terminal is wide" {
	some_links
	for id in b c d e; do
		poke here/run/.status/$id 384 Q 123456789
		poke here/run/.status/$id 392 Q 12345678901234567
		poke here/run/.status/$id 408 Q 99999
		poke here/run/.status/$id 464 Q 99999
		poke here/run/.status/$id 496 q 1
		poke here/run/.status/$id 104 a128 "$(printf '%0127d' 0)"
	done
	run -1 status
	[ "${#lines[@]}" -ge 6 ]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 80 ]
	done
}

@test "a peer that has only a spool is shown" {
	start_up
	mkdir here/spool/other here/spool/.hidden
	touch here/spool/README
	run -1 status -o peer,state
	expect_eq "$(printf 'other\tnever\nthere\tup')" "$output"
}

# ---- what is no record ----

# complains PEER MESSAGE: about it alone, as a message, and shows all the same
complains() {
	run -1 --separate-stderr status -o peer,state
	expect_eq "lonc-status: $1: $2" "$stderr"
	expect_eq "$(printf '%s\tunknown\nthere\tup' "$1")" "$output"
	run -1 --separate-stderr status
	expect_eq "lonc-status: $1: $2" "$stderr"
	[[ ${lines[1]} =~ ^bad\ +unknown\ +-\ +- ]]
	[[ ${lines[2]} =~ ^there\ +up\  ]]
}

@test "files that are no records are named, and the others shown" {
	local bad=here/run/.status/bad
	local none="what should be its status record is none, or of another"

	none+=" version"
	start_up
	: >"$bad"
	complains bad "$none"
	head -c 7911 "$record" >"$bad"
	complains bad "$none"
	{ cat "$record"; echo; } >"$bad"
	complains bad "$none"
	head -c 7912 /dev/urandom >"$bad"
	complains bad "$none"
	cp "$record" "$bad"
	complains bad "$none"
	rm "$bad"
	mkdir "$bad"
	complains bad "$none"
	rmdir "$bad"
	mkfifo "$bad"
	complains bad "$none"
}

@test "a record with a state that there is not is damaged" {
	start_up
	poke "$record" 20 L 77
	run -1 --separate-stderr status
	expect_eq "lonc-status: there: its status record is damaged" "$stderr"
	[[ ${lines[1]} =~ ^there\ +unknown\  ]]
}

@test "bytes that would not print are escaped" {
	start_up
	poke "$record" 104 a128 $'a\tb\n\e[31m'
	run -0 status -o version,state
	expect_eq 'a\x09b\x0a\x1b[31m	up' "$output"
}

@test "names that are no host ids are passed over" {
	start_up
	touch here/run/.status/{.new,-x,delayed,'a b',a~}
	run -0 --separate-stderr status
	expect_eq "" "$stderr"
	expect_eq 2 "${#lines[@]}"
}

@test "a record that is being changed all the time is shown, and that is said" {
	local torn="its status record was being changed all the time"

	start_up
	signal STOP
	poke "$record" 12 L 77
	run -1 --separate-stderr status -o state
	expect_eq "lonc-status: there: $torn: figures may not agree" "$stderr"
	expect_eq up "$output"
	# For a link that was killed that is nothing to speak of.
	signal KILL
	wait_for 10 has_ended link-here-there
	run -1 --separate-stderr status -o state
	expect_eq "" "$stderr"
	expect_eq dead "$output"
	start_link here there
	wait_for 10 is state up
	run -0 --separate-stderr status
	expect_eq "" "$stderr"
}

@test "a link without room for its record runs without one" {
	start_peer
	start link-here-there \
	    bash -c 'ulimit -f 4; exec lonc-link -C here there'
	wait_for 10 logged 'opening -> up' 1
	logged 'no status record in'
	run -0 ask echo:a
	run -1 --separate-stderr status there
	expect_eq "lonc-status: there: its link runs, but has no status record" \
	    "$stderr"
	[[ ${lines[1]} =~ ^there\ +unknown\  ]]
}

# ---- who may look ----

# status_as GROUP OPTION...: for a user who owns nothing, with this group
# alone; neither reports of faults nor the way to the programs are for him
status_as() {
	cp "$LONC_BUILD/bin/lonc-status" .
	chmod a+x . .. "$BATS_RUN_TMPDIR"
	setpriv --reuid=65534 --regid="$1" --clear-groups \
	    ./lonc-status -C here "${@:2}"
}

@test "a member of the group may look, whatever the umask of the link" {
	[ "$(id -u)" -eq 0 ] || skip "only root can become another user"
	start_peer
	chgrp 12345 here/run here/spool
	chmod 2750 here/run
	umask 077
	start_link here there
	umask 022
	wait_for 10 is state up
	run -0 --separate-stderr status_as 12345
	expect_eq "" "$stderr"
	[[ ${lines[1]} =~ ^there\ +up\  ]]
}

@test "who may not look is told so" {
	[ "$(id -u)" -eq 0 ] || skip "only root can become another user"
	start_up
	run -111 --separate-stderr status_as 65534
	expect_eq "lonc-status: $PWD/here/run/.status: Permission denied" \
	    "${stderr_lines[0]}"
	expect_eq "lonc-status: $PWD/here/spool: Permission denied" \
	    "${stderr_lines[1]}"
	expect_eq "" "$output"
	chmod 755 here/run here/run/.status
	chmod 600 "$record"
	run -111 --separate-stderr status_as 65534 -o peer,state there
	expect_eq "lonc-status: there: its status record: Permission denied" \
	    "$stderr"
	expect_eq "there	unknown" "$output"
}

# ---- options ----

@test "fields are printed in the order they are named in" {
	start_up
	expect_eq "up	there	up" "$(status -o state,peer,state)"
	all=$(man_fields)
	expect_eq "$(status -o "$all" | tr -cd '\t' | wc -c)" \
	    "$(tr -cd , <<<"$all" | wc -c)"
}

# man_fields: all that the manual knows
man_fields() {
	sed -n '/^\.Ss Fields/,/^\.S[hs] [^F]/s/ , Cm /\n/; s/^\.It Cm //p' \
	    "$root/man/lonc-status.1" | paste -sd,
}

@test "the manual knows all fields, and no others" {
	run -100 lonc-status -o none
	expect_eq "$(man_fields)" \
	    "$(sed -n 's/^\t\t//p' <<<"$output" | tr -d '\n')"
}

@test "an unknown field is named, and those that there are" {
	make_host here 127.0.0.2
	run -100 --separate-stderr status -o peer,colour,state
	expect_eq "" "$output"
	expect_eq 'lonc-status: -o: "colour" is not a field, or one too many' \
	    "${stderr_lines[0]}"
	[[ $stderr == *peer,state,since,* ]]
	run -100 status -o ''
	run -100 status -o peer,
}

@test "lonc-status exits 100 when the call or the configuration is wrong" {
	run -100 status
	make_host here 127.0.0.2
	run -100 status ../here
	[[ $output == *'../here: not a host id'* ]]
	run -100 status -j
	run -100 status -o
	set_conf here lonSockDir relative
	run -100 status
	[[ $output == *lonSockDir* ]]
}

@test "where no link has ever been, nothing is well" {
	local records=$PWD/here/run/.status

	make_host here 127.0.0.2
	run -1 --separate-stderr status
	expect_eq "" "$output"
	expect_eq "lonc-status: there is no status record in $records" "$stderr"
	rmdir here/run here/spool
	run -1 status
}

@test "lonc-status exits 111 when its output cannot be written" {
	start_up
	run -111 --separate-stderr bash -c 'lonc-status -C here >/dev/full'
	expect_eq "lonc-status: standard output: No space left on device" \
	    "$stderr"
}

@test "-h shows the usage and -V the version" {
	run -0 lonc-status -h
	[[ ${lines[0]} == "usage: lonc-status "* ]]
	run -0 lonc-status -V
	[[ $output =~ ^lonc-status\ [0-9]+\.[0-9]+$ ]]
}
