#!/usr/bin/env bats
# Calls that fail, in each program that runs for long or in scripts: a sample
# of them; LONC_FAULTS=all takes every one, which takes minutes.  How it is
# done, and what must hold, is in faults/sweep.
#
# Not tested:
#	two calls that fail in one run
#	want of memory in a program built with the sanitizers: they have
#	their own malloc(3)
#	the sanitizers' word on lonc-send in the usual build, which cannot be
#	preloaded: a dynamic one is built for this

load helper

setup_file() {
	export PRELOAD=$BATS_FILE_TMPDIR/preload.so

	cc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -shared -fPIC \
	    -o "$PRELOAD" "$BATS_TEST_DIRNAME/faults/preload.c"
}

setup() {
	[ -z "${LONC_VALGRIND-}" ] || skip "valgrind has its own malloc(3)"
	lonc_setup
	preload=$PRELOAD
	# The sanitizer's library has to come before all others.
	sanitizer=$(ldd "$LONC_BUILD/bin/lonc-link" |
	    sed -n 's/.*libasan[^ ]* => \([^ ]*\).*/\1/p')
	[ -z "$sanitizer" ] || preload=$sanitizer:$preload
}

# sweep WHAT PROGRAM...: see there
sweep() {
	"$BATS_TEST_DIRNAME/faults/sweep" "$preload" "$@"
}

@test "lonc-link survives calls that fail" {
	sweep link "$LONC_BUILD/bin/lonc-link"
}

@test "lonc-serve survives calls that fail" {
	sweep serve "$LONC_BUILD/bin/lonc-serve"
}

@test "lonc-send survives calls that fail" {
	send=$LONC_BUILD/bin/lonc-send
	if [ -z "$sanitizer" ]; then
		make -s -C "$BATS_TEST_DIRNAME/.." BUILD="$PWD/dyn" \
		    SEND_CC=cc SEND_STATIC= "$PWD/dyn/bin/lonc-send"
		send=$PWD/dyn/bin/lonc-send
	fi
	sweep send "$send" "$LONC_BUILD/bin/lonc-link"
}
