# shellcheck shell=bash disable=SC2016,SC2154
# What the tests of lonc-serve and of its handlers share: the server is the
# host "here"; its client is the host "there", which calls from the address
# that is the default on loopback.

load helper

setup() {
	serve_setup
}

serve_setup() {
	lonc_setup
	make_host here 127.0.0.2
	make_host there 127.0.0.1
	address=127.0.0.1	# of the client
	server=./serve		# what ask runs
	printf '#!/bin/sh\necho $$ >pid\nexec lonc-serve -C here\n' >serve
	chmod +x serve
}

# old_client ARGUMENT...: an old-client.pl as the host there
old_client() {
	TCPREMOTEIP=$address "$root/tests/old-client.pl" --server-id here \
	    --client-id there "$@" 2>>serve.log
}

# start_client ARGUMENT...: the same in the background
start_client() {
	start client env TCPREMOTEIP="$address" "$root/tests/old-client.pl" \
	    --server-id here --client-id there "$@"
}

# ask [--OPTION...] REQUEST...: by an old client, on two pipes; without a
# REQUEST those on standard input
ask() {
	local how=()

	while [[ ${1-} == --* ]]; do
		how+=("$1")
		shift
	done
	old_client "${how[@]}" --exec "$server" -- "$@"
}

# by_hand KIND CODE: Perl that reads from $in and writes to $out, which are
# pipes or a socketpair, whose other end is a lonc-serve that has sent its
# $challenge.  It runs in the background, and must end with status 0 as the
# server must; its output is in by-hand.out.
by_hand() {
	start by-hand env TCPREMOTEIP="$address" perl -MSocket -MIO::Handle -e '
		($kind, $code) = @ARGV;
		if ($kind eq "pipes") {
			pipe $stdin, $out;
			pipe $in, $stdout;
		} else {
			socketpair $in, $stdin, AF_UNIX, SOCK_STREAM, PF_UNSPEC;
			open $out, "+<&", $in;
			open $stdout, "+<&", $stdin;
		}
		if (fork == 0) {
			open STDIN, "<&", $stdin;
			open STDOUT, ">&", $stdout;
			close $_ for $in, $out, $stdin, $stdout;
			exec "./serve";
		}
		close $_ for $stdin, $stdout;
		$out->autoflush;
		print $out "init\n";
		$challenge = <$in>;
		eval $code;
		die if $@;
		close $_ for $in, $out;
		wait;
		exit $? != 0;' "$@"
}

# logged TEXT: whether a line of a server's log has it
logged() {
	cat serve*.log | grep -qF -- "$1"
}

# ended NAME: its exit status, when it has
ended() {
	wait_for 10 has_ended "$1" || return 1
	wait "$(pid_of "$1")"
}

# over: whether the server that was started last has ended
over() {
	! grep -qs '^State:.[^Z]' "/proc/$(cat pid)/status"
}

# blocked: whether that server waits and no handler runs
blocked() {
	grep -q '^State:.S' "/proc/$(cat pid)/status" &&
	    ! pgrep -P "$(cat pid)" >/dev/null
}

# no_valgrind WHY: this test is not for it
no_valgrind() {
	[ -z "${LONC_VALGRIND-}" ] || skip "valgrind: $1"
}
