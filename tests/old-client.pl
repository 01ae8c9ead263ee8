#!/usr/bin/perl
# old-client.pl: plays an old network's link, for the tests of lonc-serve.
#
#	old-client.pl [options] HOST:PORT [REQUEST...]
#	old-client.pl [options] --exec CMD [ARG...] [-- REQUEST...]
#	old-client.pl [options] --socketpair CMD [ARG...] [-- REQUEST...]
#
# Opens a link (lonc-protocol(7)), sends each REQUEST, or with none each line
# of standard input, and prints the reply to it, opened if it came sealed.
# One request is under way at a time.  A request that begins with `encrypt:'
# goes sealed, without that word.  The other end is a TCP server, or CMD on
# two pipes or on one socketpair.  At the end the client says that it has
# done, and the other end must close without another byte, CMD with status 0.
#
#	--server-id ID, --client-id ID	both needed
#	--timeout SEC		wait so long for a reply, and for the end (10)
#	--trace			show the lines of the opening, `>' and `<'
#	--init TEXT		send TEXT instead of `init'
#	--wrong-echo		send another challenge than came
#	--no-sethost, --no-version, --no-pong, --no-ekey
#				leave this step out; without ekey, requests
#				are sealed with the key of an empty build key
#	--empty-after-sealed	send an empty line after a sealed request
#	--newline-key		take the build key with its line end
#	--pipeline		send all requests in one write
#	--bytewise		one byte a write
#	--stop-after N		close once N bytes are sent, whatever is due
#
# Exit status: 0 everything was answered, 1 it was not (standard error says
# why), 100 misuse.

use strict;
use warnings;
use FindBin;
use Getopt::Long qw(:config require_order no_auto_abbrev);
use IO::Handle;
use IO::Socket::INET;
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY);
use lib $FindBin::Bin;
use OldPeer;

my %opt = (init => 'init', timeout => 10);
my ($in, $out, $child);		# the descriptors, and CMD's process
my ($input, $output) = ('', '');	# read, to be written
my $sent = 0;			# bytes
my $key;			# of the session
my $step = 'connect';		# what is under way, for messages

sub usage {
	print STDERR "usage: old-client.pl [options] --server-id ID ",
	    "--client-id ID\n\t{HOST:PORT [REQUEST...] | ",
	    "{--exec | --socketpair} CMD [ARG...] [-- REQUEST...]}\n";
	exit 100;
}

sub note {
	print STDERR "old-client: $step: @_\n";
}

# CMD's end: whether it came in time and with status 0.
sub reap {
	my $status;

	eval {
		local $SIG{ALRM} = sub { die };
		alarm $opt{timeout};
		waitpid $child, 0;
		$status = $?;
		alarm 0;
	};
	if (!defined $status) {
		note('the command does not end');
		kill KILL => $child;
		waitpid $child, 0;
	} elsif ($status & 127) {
		note('the command died of signal ' . ($status & 127));
	} elsif ($status != 0) {
		note('the command exited ' . ($status >> 8));
	}
	return defined $status && $status == 0;
}

sub fail {
	note(@_);
	close $_ for grep { defined } $in, $out;
	reap() if $child;
	exit 1;
}

sub connect_tcp {
	my ($address) = @_;

	$in = $out = IO::Socket::INET->new(PeerAddr => $address,
	    Timeout => $opt{timeout}) or fail("$address: $@");
	setsockopt $out, IPPROTO_TCP, TCP_NODELAY, 1;
}

sub start {
	my @cmd = @_;
	my ($theirs_in, $theirs_out);

	if ($opt{socketpair}) {
		socketpair $in, $theirs_in, AF_UNIX, SOCK_STREAM, PF_UNSPEC
		    or fail("socketpair: $!");
		($out, $theirs_out) = ($in, $theirs_in);
	} else {
		pipe $theirs_in, $out or fail("pipe: $!");
		pipe $in, $theirs_out or fail("pipe: $!");
	}
	defined(my $pid = fork) or fail("fork: $!");
	if ($pid == 0) {
		$SIG{PIPE} = 'DEFAULT';
		open STDIN, '<&', $theirs_in or die "stdin: $!\n";
		open STDOUT, '>&', $theirs_out or die "stdout: $!\n";
		no warnings 'exec';
		exec { $cmd[0] } @cmd or die "$cmd[0]: $!\n";
	}
	$child = $pid;
}

# Says that nothing more will be sent.
sub end_output {
	if ($in == $out) {
		shutdown $out, 1;
	} else {
		close $out;
	}
}

sub write_some {
	my $len = $opt{bytewise} ? 1 : length $output;
	my $left = defined $opt{'stop-after'} ? $opt{'stop-after'} - $sent :
	    $len;
	my $n = syswrite $out, $output, $left < $len ? $left : $len;

	if (defined $n) {
		substr $output, 0, $n, '';
		$sent += $n;
	} elsif (!$!{EAGAIN}) {
		$output = '';	# they closed; what they said is still to come
	}
}

# One turn: writes and reads what can be, both at once so that no full
# buffer stops both ends.  Returns how much was read, 0 at the end of file,
# undef if there was nothing.
sub turn {
	my ($deadline) = @_;
	my ($r, $w) = ('', '');
	my $wait = $deadline - OldPeer::now();

	fail("stopped after $sent bytes")
	    if defined $opt{'stop-after'} && $sent >= $opt{'stop-after'};
	fail("nothing within $opt{timeout} s") if $wait <= 0;
	vec($r, fileno $in, 1) = 1;
	vec($w, fileno $out, 1) = 1 if $output ne '';
	return undef if select($r, $w, undef, $wait) <= 0;
	write_some() if $output ne '' && vec($w, fileno $out, 1);
	return undef if !vec($r, fileno $in, 1);
	my $n = sysread $in, $input, 1 << 20, length $input;
	return defined $n || $!{EAGAIN} ? $n : 0;
}

sub reply {
	my $deadline = OldPeer::now() + $opt{timeout};
	my $line;

	until (defined($line = OldPeer::take_line(\$input))) {
		my $n = turn($deadline);
		fail('end of file' . ($input ne '' && " after `$input'"))
		    if defined $n && $n == 0;
	}
	return $line;
}

sub ask {
	my ($bytes) = @_;

	fail("unasked: $input") if $input ne '';
	$output .= $bytes;
	return reply();
}

sub opening_step {
	($step, my $line) = @_;

	print STDERR "> $line\n" if $opt{trace};
	my $reply = ask("$line\n");
	print STDERR "< $reply\n" if $opt{trace};
	return $reply;
}

sub open_link {
	my ($server, $client) = @opt{qw(server-id client-id)};
	my ($build, $reply) = ('');

	$reply = opening_step('init', $opt{init});
	fail($reply) if $reply eq 'refused';
	$reply = opening_step('echo', $reply . ($opt{'wrong-echo'} ? 0 : ''));
	fail($reply) if $reply ne 'ok';
	if (!$opt{'no-sethost'}) {
		$reply = opening_step('sethost', "sethost:$server");
		fail($reply) if $reply eq 'not_ok';
		note("warning: $reply") if $reply ne 'ok';
	}
	if (!$opt{'no-version'}) {
		# The keyword is misspelt in the old links, too.
		$reply = opening_step('version', 'version:$Revison$');
		note("warning: $reply") if $reply !~ /^version:/;
	}
	if (!$opt{'no-pong'}) {
		$reply = opening_step('pong', 'pong');
		note("warning: $reply") if $reply !~ /^\Q$server\E:/;
	}
	if (!$opt{'no-ekey'}) {
		$build = opening_step('ekey', 'ekey');
		note("warning: $build") if $build !~ /^[0-9A-Fa-f]+$/;
		$build .= "\n" if $opt{'newline-key'};
	}
	$key = OldPeer::session_key($server, $client, $build);
	$step = 'request';
}

# What goes over the wire for a request.
sub wire {
	my ($request) = @_;

	return "$request\n" if $request !~ s/^encrypt://;
	return OldPeer::seal($key, $request) . "\n" .
	    ($opt{'empty-after-sealed'} ? "\n" : '');
}

sub show {
	my ($reply) = @_;

	if ($reply =~ /^enc:/) {
		my $text = OldPeer::unseal($key, $reply);
		fail("not a sealed line: $reply") if !defined $text;
		$reply = $text;
	}
	print "$reply\n";
}

# The end of the link, with whatever the other end still has to say.
sub finish {
	my $deadline = OldPeer::now() + $opt{timeout};
	my $n;

	$step = 'end';
	turn($deadline) while $output ne '';
	end_output();
	do {
		$n = turn($deadline);
	} until defined $n && $n == 0;
	fail("unasked: $input") if $input ne '';
	exit 1 if $child && !reap();
}

GetOptions(\%opt, qw(server-id=s client-id=s timeout=i trace init=s
    wrong-echo no-sethost no-version no-pong no-ekey empty-after-sealed
    newline-key pipeline bytewise stop-after=i exec socketpair)) &&
    defined $opt{'server-id'} && defined $opt{'client-id'} && @ARGV or usage();
$SIG{PIPE} = 'IGNORE';
STDOUT->autoflush;

my @requests;
if ($opt{exec} || $opt{socketpair}) {
	my ($mark) = grep { $ARGV[$_] eq '--' } reverse 0 .. $#ARGV;
	if (defined $mark) {
		@requests = splice @ARGV, $mark;
		shift @requests;
	}
	start(@ARGV);
} else {
	connect_tcp(shift);
	@requests = splice @ARGV;
}
$out->blocking(0);
open_link();

my $next = @requests ? sub { shift @requests } : sub {
	defined(my $line = <STDIN>) or return undef;
	chomp $line;
	return $line;
};
if ($opt{pipeline}) {
	my $n = 0;
	while (defined(my $request = $next->())) {
		$output .= wire($request);
		$n++;
	}
	show(reply()) for 1 .. $n;
} else {
	while (defined(my $request = $next->())) {
		show(ask(wire($request)));
	}
}
finish();
