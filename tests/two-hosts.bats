#!/usr/bin/env bats
# Two hosts, each with its server and its link to the other.
# Not tested:
#	hosts that lose sight of each other without a word
#	both links in a pause while both servers are up: nobody is told
#	peers of the old kind: see lonc-link.bats and lonc-serve.bats

# Handlers and Perl code are quoted on purpose; what seems to be unset, and to
# be lost, is set by bats(1) and the files loaded, for one test at a time.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load helper

setup() {
	lonc_setup
	make_host one 127.0.0.2
	make_host two 127.0.0.3
	for id in one two; do
		handler $id echo <<<'exec cat'
		handler $id who <<-'END'
			echo "$LONC_CLIENT $LONC_HOSTID $LONC_SECURE"
		END
	done
}

# start_both: all of it
start_both() {
	start_serve one
	start_serve two
	start_link "$PWD/one" two
	start_link "$PWD/two" one
	wait_for 10 answers one two
	wait_for 10 answers two one
}

# send FROM TO REQUEST...
send() {
	lonc-send -C "$PWD/$1" -t 20 "${@:2}"
}

# logged NAME TEXT [TIMES]: whether its log has so many lines with this text
logged() {
	[ "$(grep -cF -- "$2" "$1.log")" -ge "${3:-1}" ]
}

# go_down ID PEER: the server and the link of a host end
go_down() {
	stop_serve "$1"
	stop "link-$1-$2"
}

@test "two hosts ask each other, in clear and sealed" {
	start_both
	expect_eq $'two\na:b\none two 0\none two 1' \
	    "$(send one two ping echo:a:b who encrypt:who)"
	expect_eq $'one\na:b\ntwo one 0\ntwo one 1' \
	    "$(send two one ping echo:a:b who encrypt:who)"
}

@test "pong shows that both links are up" {
	start_both
	expect_eq two:one "$(send one two pong)"
	expect_eq one:two "$(send two one pong)"
	stop link-two-one
	expect_eq two:con_lost "$(send one two pong)"
}

@test "two links that open at the same time do not wait for each other" {
	cat >together <<-'END'
		#!/bin/sh
		touch "called-$1"
		until [ -e "called-$2" ]; do sleep 0.01; done
		exec lonc-serve -C "$PWD/$1"
	END
	chmod +x together
	start serve-one tcpsvd -v -l0 127.0.0.2 "$PORT" ./together one two
	start serve-two tcpsvd -v -l0 127.0.0.3 "$PORT" ./together two one
	wait_for 10 grep -q 'listening on' serve-one.out
	wait_for 10 grep -q 'listening on' serve-two.out
	start_link "$PWD/one" two
	wait_for 10 test -e called-two
	start_link "$PWD/two" one
	# A server would wait 5 s for its own link.
	wait_for 4 logged link-one-two 'opening -> up'
	wait_for 4 logged link-two-one 'opening -> up'
	answers one two
	answers two one
	expect_eq 1 "$(grep -c 'opening -> ' link-one-two.log)"
	expect_eq 1 "$(grep -c 'opening -> ' link-two-one.log)"
}

@test "a host that is up at last wakes the links that wait for it" {
	set_conf one retry_min 60
	set_conf one retry_max 60
	start_serve one
	start_link "$PWD/one" two
	wait_for 10 logged link-one-two 'down: connect'
	start_serve two
	start_link "$PWD/two" one
	wait_for 10 answers one two
	wait_for 10 answers two one
}

@test "a host that goes down and comes up again wakes the links to it" {
	set_conf one retry_min 60
	set_conf one retry_max 60
	start_both
	go_down two one
	wait_for 10 logged link-one-two 'up -> down'
	expect_eq con_lost "$(send one two ping || :)"
	start_serve two
	start_link "$PWD/two" one
	wait_for 10 answers one two
	wait_for 10 answers two one
	# It was woken, and not kept trying.
	expect_eq 1 "$(grep -c 'next attempt' link-one-two.log)"
}

@test "a link whose server is told to end comes back by itself" {
	start_both
	pid=$(sed -n 's/.*: pid \([0-9]*\) from .*/\1/p' serve-two.out)
	kill -s TERM "$pid"
	wait_for 10 logged link-one-two 'opening -> up' 2
	wait_for 10 answers one two
	answers two one
}

@test "hosts whose openings fail do not wake each other for ever" {
	for id in one two; do
		set_conf $id lonHostID other
		set_conf $id retry_min 60
		set_conf $id retry_max 60
	done
	start_serve one
	start_serve two
	start_link "$PWD/one" two
	wait_for 10 logged link-one-two not_ok
	start_link "$PWD/two" one
	wait_for 10 logged link-two-one not_ok
	# Had it been woken, the first link would call again before we do: it
	# would have seen to that before it answers, and is answered in turn.
	expect_eq con_lost "$(send one two ping || :)"
	nc -N 127.0.0.3 "$PORT" </dev/null
	wait_for 10 grep -q 'pid [0-9]* from 127.0.0.1' serve-two.out
	expect_eq 1 "$(grep -c 'pid [0-9]* from 127.0.0.2' serve-two.out)"
	expect_eq 1 "$(grep -c not_ok link-one-two.log)"
}

@test "a host answers for two ids, each over a link of its own" {
	sed -i '1i also:test:library:also.example:127.0.0.3' hosts.tab
	set_conf two served_ids also
	start_both
	start_link "$PWD/one" also
	wait_for 10 answers one also
	expect_eq "one also 1" "$(send one also encrypt:who)"
	expect_eq "one two 1" "$(send one two encrypt:who)"
	expect_eq "two one 1" "$(send two one encrypt:who)"
}

@test "a thousand requests each way at once are answered in their order" {
	start_both
	seq 1000 >wanted
	sed 's/^/echo:/' wanted >requests
	send one two <requests >got.one &
	send two one <requests >got.two
	wait $!
	diff wanted got.one
	diff wanted got.two
}

@test "a long reply holds up no request behind it, either way" {
	for id in one two; do
		handler $id big <<<'head -c 3000000 /dev/zero | tr "\0" x'
	done
	start_both
	send one two big: ping big: encrypt:echo:x >got.one &
	send two one big: ping big: encrypt:echo:x >got.two
	wait $!
	expect_eq "3000000 two 3000000 x" \
	    "$(sed 's/^xxx*$/3000000/' got.one | xargs)"
	cmp <(sed s/^two/one/ got.one) got.two
}

@test "the longest request and the longest reply pass, plain and sealed" {
	for id in one two; do
		set_conf $id max_line 300000
		set_conf $id max_reply 300000
	done
	handler two seal <<<'printf encrypt:; cat'
	start_both
	perl -e 'print "echo:", "x" x 299995, "\n"' >request
	{
		send one two <request
		lonc-send -C "$PWD/one" -e two <request
		perl -e 'print "seal:", "x" x 299992, "\n"' | send one two
	} | awk '{ print length($0) }' >got
	expect_eq "299995 299995 299992" "$(xargs <got)"
	handler two big <<<'head -c "$(cat)" /dev/zero | tr "\0" x'
	send one two big:300000 big:300001 ping | cut -c 1-30 >got || :
	diff - got <<-END
		xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
		error: big: its reply is too l
		two
	END
}
