#!/usr/bin/env bats
# The tools of the other tests.
# Not tested: what needs lonc's own programs, which every other file tests.

load helper

@test "wait_for waits no longer than it has to" {
	start later sh -c 'until [ -e go ]; do sleep 0.01; done; touch gone'
	touch go
	wait_for 10 test -e gone
}

@test "wait_for gives up, and says what it waited for" {
	run -1 wait_for 0 test -e never
	expect_eq "waited 0 s for: test -e never" "$output"
}

@test "expect_eq shows both values where they differ" {
	expect_eq "a  b" "a  b"
	run -1 expect_eq "a b" "a  b"
	[[ $output == *'a\ b'*'a\ \ b'* ]]
}

@test "free_port finds a port that can be listened on" {
	port=$(free_port)
	start one tcpsvd -v -l0 127.0.0.2 "$port" cat
	start two tcpsvd -v -l0 127.0.0.3 "$port" cat
	wait_for 10 grep -q listening one.out
	wait_for 10 grep -q listening two.out
}

@test "stop returns the status of what was started" {
	start trapper sh -c 'trap "exit 7" TERM; touch set; while :; do sleep 0.01; done'
	wait_for 10 test -e set
	status=0
	stop trapper || status=$?
	expect_eq 7 "$status"
	has_ended trapper
}

@test "stop_all ends the deaf, the stopped and the orphaned" {
	start deaf sh -c 'trap "" TERM; touch set; while :; do sleep 0.1; done'
	start orphan sh -c 'echo $$ >orphan; sleep 100 &'
	start stopped sleep 100
	kill -s STOP "$(pid_of stopped)"
	wait_for 10 test -e set
	wait_for 10 test -s orphan
	stop_all 0
	wait_for 10 sessions_gone "$(cat -- *.pid | paste -sd,)"
}

@test "the hosts of a test know each other" {
	make_host one 127.0.0.2
	make_host two 127.0.0.3 access
	expect_eq "$(cat one/hosts.tab)" "$(cat two/hosts.tab)"
	expect_eq 127.0.0.2 "$(address_of one)"
	grep -qx "two:test:access:two.example:127.0.0.3" one/hosts.tab
	grep -qx "lonSockDir $PWD/two/run" two/lonc.conf
}

@test "a test that left a report of a fault fails in its teardown" {
	lonc_teardown
	echo "leak" >fault.1
	run -1 lonc_teardown
	expect_eq leak "$output"
	rm fault.1
	echo "x.c:1:1: runtime error: overflow" >x.log
	run -1 lonc_teardown
	rm x.log
}
