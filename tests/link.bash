# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of lonc-link share: the host "here" with a link to the peer
# "there", which is an old-server.pl, or nothing.

load helper

log=link-here-there.log		# of the link
sock=here/run/there

# host_here PORT: the host, whose table has "there" at this port; by name too,
# which is its digits on a machine that does not know localhost
host_here() {
	local name=127.0.0.1

	PORT=$1
	knows_localhost && name=localhost
	echo "there:test:library:$name:127.0.0.1" >>hosts.tab
	make_host here 127.0.0.2
}

# start_server NAME [OPTION...]: an old-server.pl; its port is in NAME.port,
# the requests it gets in NAME.requests
start_server() {
	local name=$1

	shift
	rm -f "$name.port"
	start "$name" "$root/tests/old-server.pl" --id there \
	    --client-id here --port-file "$name.port" \
	    --log "$name.requests" "$@"
	wait_until_ready "$name" test -s "$name.port"
}

# start_peer [OPTION...]: the server, and the host that calls it
start_peer() {
	start_server peer "$@"
	host_here "$(cat peer.port)"
}

# start_up [OPTION...]: all of it, up
start_up() {
	start_peer "$@"
	start_link here there
	wait_for 10 logged 'opening -> up'
}

# logged TEXT [TIMES]: whether the link has logged that, so often at least
logged() {
	[ "$(grep -cF -- "$1" "$log")" -ge "${2:-1}" ]
}

# got NAME REQUEST: whether a server got it
got() {
	grep -qaxF -- "$2" "$1.requests"
}

# ask REQUEST...: through the link
ask() {
	lonc-send -C here -t 10 there "$@"
}

# client NAME ACTION...: a local-client.pl in the background
client() {
	start "$1" "$root/tests/local-client.pl" "$sock" "${@:2}"
}

# raw ACTION...: the same, waited for
raw() {
	"$root/tests/local-client.pl" "$sock" "$@"
}

# talk: standard input to the link, and its replies until it ends
talk() {
	timeout 20 nc -NU "$sock"
}

# signal NAME: to the link
signal() {
	kill -s "$1" "$(pid_of link-here-there)"
}

# expect_end STATUS NAME: wait for the end of what was started
expect_end() {
	local status=0

	wait_for 15 has_ended "$2"
	wait "$(pid_of "$2")" || status=$?
	expect_eq "$1" "$status"
}

# expect_within MS SINCE: now is not later than that
expect_within() {
	local took=$(($(now) - $2)) ms=$1

	[ -z "${LONC_VALGRIND-}" ] || ms=$((ms * 5))
	[ "$took" -le "$ms" ] || {
		echo "took $took ms, not $ms at most" >&2
		return 1
	}
}

# lines WORD...: one on each line
lines() {
	printf '%s\n' "$@"
}
