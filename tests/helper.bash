# shellcheck shell=bash
# What the tests share.  A test file begins with "load helper", has the
# programs of $LONC_BUILD first in its PATH, and may begin and end its own
# setup and teardown with lonc_setup and lonc_teardown.
#
# All state is in $BATS_TEST_TMPDIR: a host ID is the directory ID there,
# which is its configuration directory and holds run, spool and state too.
# What is started as NAME leaves NAME.pid, NAME.out and NAME.log.  With
# LONC_VALGRIND=1 all programs run under valgrind(1).

bats_require_minimum_version 1.5.0

root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
: "${LONC_BUILD:=$root/build}"
export LC_ALL=C
unset LONC_CONF NOTIFY_SOCKET
PORT=

setup() {
	lonc_setup
}

teardown() {
	lonc_teardown
}

# lonc_setup: paths short enough for sockets, and what becomes of faults that
# sanitizers and valgrind find: a report, and a status that no program uses
lonc_setup() {
	local report=$BATS_TEST_TMPDIR/fault

	cd "$BATS_TEST_TMPDIR" || return
	if [ ${#PWD} -gt 60 ]; then
		echo "$PWD: too long for a socket's path; set TMPDIR" >&2
		return 1
	fi
	PATH=$LONC_BUILD/bin:$PATH
	export ASAN_OPTIONS=log_path=$report:exitcode=86
	export UBSAN_OPTIONS=print_stacktrace=1:exitcode=86
	[ -z "${LONC_VALGRIND-}" ] || use_valgrind "$report"
}

# use_valgrind REPORT: every program becomes a script that runs it so
use_valgrind() {
	local program script

	mkdir valgrind
	for program in "$LONC_BUILD"/bin/*; do
		script=valgrind/${program##*/}
		cat >"$script" <<-END
			#!/bin/sh
			exec valgrind -q --log-file=$1.%p --leak-check=full \\
			    --errors-for-leak-kinds=definite \\
			    --error-exitcode=86 $program "\$@"
		END
		chmod +x "$script"
	done
	PATH=$PWD/valgrind:$PATH
}

# lonc_teardown: stop all, show the logs, fail if there are reports of faults
lonc_teardown() {
	local file faults=0

	cd "$BATS_TEST_TMPDIR" || return
	stop_all 6
	for file in *.log; do
		[ ! -s "$file" ] || { echo "-- $file:"; cat "$file"; }
	done
	for file in fault.*; do
		[ ! -s "$file" ] || { cat "$file"; faults=1; }
	done
	# This sanitizer knows standard error only.
	! grep -qs 'runtime error: ' -- *.log || faults=1
	return "$faults"
}

# now: milliseconds of the clock
now() {
	local us=${EPOCHREALTIME/[.,]/}

	echo $((us / 1000))
}

# wait_for SECONDS COMMAND...: run it again and again until it succeeds
wait_for() {
	local deadline seconds=$1

	shift
	[ -z "${LONC_VALGRIND-}" ] || seconds=$((seconds * 5))
	deadline=$(($(now) + seconds * 1000))
	until "$@"; do
		if [ "$(now)" -ge "$deadline" ]; then
			echo "waited $seconds s for: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# expect_eq WANTED GOT: fail, and show both, if they differ
expect_eq() {
	[ "$1" != "$2" ] || return 0
	printf 'wanted %q\n   got %q\n' "$1" "$2" >&2
	return 1
}

# free_port: a port that nobody has at any address of this machine
free_port() {
	perl -MSocket -e '
		socket(S, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
		bind(S, sockaddr_in(0, INADDR_ANY)) or die "bind: $!";
		print +(sockaddr_in(getsockname(S)))[0], "\n";'
}

# make_host ID ADDRESS [ROLE]: a host, known to all others made in this test
make_host() {
	local dir=$BATS_TEST_TMPDIR/$1

	: "${PORT:=$(free_port)}"
	mkdir -p "$dir"/{handlers,state}
	mkdir -m 2750 "$dir/run"
	mkdir -m 2770 "$dir/spool"
	echo "$1:test:${3:-library}:$1.example:$2" >>hosts.tab
	ln -s ../hosts.tab "$dir/hosts.tab"
	cat >"$dir/lonc.conf" <<-END
		lonHostID $1
		lonSockDir $dir/run
		spool_dir $dir/spool
		state_dir $dir/state
		londPort $PORT
		source_address $2
		allow_legacy yes
		socket_group $(id -gn)
		retry_min 0.05
		retry_max 0.5
	END
}

# set_conf ID NAME VALUE: change a setting of a host
set_conf() {
	echo "$2 $3" >>"$BATS_TEST_TMPDIR/$1/lonc.conf"
}

# handler ID NAME <SCRIPT: what answers the command NAME on a host
handler() {
	local file=$BATS_TEST_TMPDIR/$1/handlers/$2

	{ echo '#!/bin/sh'; cat; } >"$file"
	chmod +x "$file"
}

# address_of ID: as the table of hosts has it
address_of() {
	sed -n "s/^$1:.*://p" "$BATS_TEST_TMPDIR/hosts.tab"
}

# start NAME COMMAND...: in the background, in a session of its own, until it
# is stopped or the test ends
start() {
	local file=$BATS_TEST_TMPDIR/$1

	shift
	setsid "$@" </dev/null >>"$file.out" 2>>"$file.log" 3>&- &
	echo $! >>"$file.pid"
}

# pid_of NAME: the process id of what was started last under this name
pid_of() {
	tail -n 1 "$BATS_TEST_TMPDIR/$1.pid"
}

# has_ended NAME: whether the program that was started has; its children may
# be there still
has_ended() {
	! kill -0 "$(pid_of "$1")" 2>/dev/null
}

# stop NAME [SIGNAL]: TERM, or another signal, to the program alone; wait for
# its end; return its exit status
stop() {
	kill -s "${2:-TERM}" "$(pid_of "$1")"
	wait_for 10 has_ended "$1" || return
	wait "$(pid_of "$1")"
}

# end_sessions SECONDS PID...: TERM to what was started with these process ids
# and to all its children, at last KILL
end_sessions() {
	local pid seconds=$1 sessions=

	shift
	for pid; do
		# An empty one would stand for the session of this shell.
		[[ $pid =~ ^[0-9]+$ && $pid -gt 1 ]] || return
		sessions=$sessions${sessions:+,}$pid
	done
	pkill -TERM -s "$sessions" || :
	pkill -CONT -s "$sessions" || :
	wait_for "$seconds" sessions_gone "$sessions" ||
		pkill -KILL -s "$sessions" || :
}

# sessions_gone SESSIONS: whether nothing of them is left but zombies
sessions_gone() {
	! pgrep -r D,R,S,T -s "$1" >/dev/null
}

# stop_all SECONDS: end all that was started, by KILL what is still there then
stop_all() {
	local pids

	mapfile -t pids < <(cat "$BATS_TEST_TMPDIR"/*.pid 2>/dev/null)
	[ ${#pids[@]} -eq 0 ] || end_sessions "$1" "${pids[@]}"
}

# start_link DIR PEER: a lonc-link, as link-ID-PEER; wait until it is ready
start_link() {
	local name=link-${1##*/}-$2

	start "$name" lonc-link -C "$1" -d 5 "$2" 5>"$name.ready"
	wait_until_ready "$name" test -s "$name.ready"
}

# start_serve ID [OPTION...]: a lonc-serve for each caller of a host, by
# tcpsvd(8), as serve-ID; wait until it listens
start_serve() {
	local id=$1 name=serve-$1

	shift
	rm -f "$name.out"
	start "$name" tcpsvd -v -l0 "$(address_of "$id")" "$PORT" \
	    lonc-serve -C "$BATS_TEST_TMPDIR/$id" "$@"
	wait_until_ready "$name" grep -q 'listening on' "$name.out"
}

# stop_serve ID: the server goes away, and its connections with it
stop_serve() {
	end_sessions 6 "$(pid_of "serve-$1")"
}

# wait_until_ready NAME COMMAND...: COMMAND tells whether it is
wait_until_ready() {
	wait_for 10 ready_or_ended "$@"
	"${@:2}"
}

ready_or_ended() {
	"${@:2}" || has_ended "$1"
}

# knows_localhost: whether this machine does, as a bare one may not
knows_localhost() {
	getent ahostsv4 localhost | grep -q '^127\.0\.0\.1 '
}

# answers ID PEER: whether PEER answers when host ID asks it
answers() {
	[ "$(lonc-send -C "$BATS_TEST_TMPDIR/$1" -t 2 "$2" ping)" = "$2" ]
}
