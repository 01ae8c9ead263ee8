#!/usr/bin/perl
# old-server.pl: plays an old network's server, for the tests of lonc-link.
#
#	old-server.pl --id ID --client-id ID --port-file FILE [options]
#
# Listens on 127.0.0.1, writes the port to FILE, and serves any number of
# connections until TERM or the end of its life, each in order and one
# request at a time (lonc-protocol(7)).  Besides the words of the opening:
#
#	ping			its id
#	echo:TEXT		TEXT
#	eecho:TEXT		TEXT, sealed
#	sealed:...		`yes:' and the request if it came sealed, else
#				`no'
#	dump:N			N times x
#	slow:MS:TEXT		TEXT, after so many milliseconds
#	empty:			an empty reply
#	exit			`bye' and a close
#	auth passwd currentauth makeuser	`refused' if it came in clear
#	anything else		`unknown_cmd'; nothing for an empty line
#
#	--life SEC		ends by itself then (60)
#	--log FILE		append each line received, opened if sealed,
#				after `S ' if it came so, else `P '
#	--max-unanswered FILE	keep there the largest number of requests
#				that were read and not yet answered on one
#				connection
#	--pong TEXT		the answer to pong (ID:con_lost)
#	--version TEXT		after `version:' ($Revision: 1.121 $)
#
# Faults; STEP is init, echo, sethost, version, pong or ekey:
#	--answer STEP=TEXT	TEXT is the answer, and what follows fits it
#	--silent STEP		no answer, to this and all that follows
#	--delay STEP=MS		the answer comes late
#	--close STEP		a close instead of the answer
#	--lf-less-close STEP	the answer without its LF, and a close
#	--bytewise		one byte a write, 2 ms between them
#	--cut N			closes a connection after N bytes of answers
#	--extra			the first reply after the opening is followed
#				by a line that nobody asked for
#	--close-after N		closes on the Nth request after the opening
#	--short-key		build keys of 14 to 22 digits, as old ones
#	--old			knows neither sethost nor version
#	--faults-once		all these in the first connection only
#
# Exit status: 0 end of life, 100 misuse.

use strict;
use warnings;
use FindBin;
use Getopt::Long qw(:config no_auto_abbrev);
use IO::Handle;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use lib $FindBin::Bin;
use OldPeer;

my %opt = (life => 60, version => '$Revision: 1.121 $');
my %fault;
my %conn;			# by descriptor
my $accepted = 0;
my $most = 0;			# requests unanswered at once
my $keys = 0;			# build keys given out
my $log;

sub usage {
	print STDERR "usage: old-server.pl --id ID --client-id ID ",
	    "--port-file FILE [options]\n";
	exit 100;
}

# A reader finds the old contents or the new ones, never a part.
sub put_file {
	my ($name, $line) = @_;

	open my $fh, '>', "$name.tmp" or die "$name.tmp: $!\n";
	print $fh "$line\n";
	close $fh or die "$name.tmp: $!\n";
	rename "$name.tmp", $name or die "$name: $!\n";
}

sub accept_one {
	my ($listener) = @_;
	my $fh = $listener->accept or return;

	$fh->blocking(0);
	setsockopt $fh, IPPROTO_TCP, TCP_NODELAY, 1;
	my $first = $accepted++ == 0;
	$conn{fileno $fh} = {
		fh => $fh, input => '', todo => [], output => '', due => 0,
		sent => 0, ordinary => 0, expect => 'init', mute => 0,
		fault => $first || !$opt{'faults-once'} ? \%fault : {},
	};
}

sub drop {
	my ($c) = @_;

	delete $conn{fileno $c->{fh}};
	close $c->{fh};
	$c->{dropped} = 1;
}

# Reads all there is, before any of it is answered.
sub read_all {
	my ($c) = @_;
	my $n;

	1 while $n = sysread $c->{fh}, $c->{input}, 1 << 20, length $c->{input};
	$c->{eof} = defined $n || !$!{EAGAIN};
	while (defined(my $line = OldPeer::take_line(\$c->{input}))) {
		take($c, $line);
	}
	my $unanswered = @{$c->{todo}} + ($c->{output} ne '' || $c->{mute});
	if ($unanswered > $most && defined $opt{'max-unanswered'}) {
		$most = $unanswered;
		put_file($opt{'max-unanswered'}, $most);
	}
}

sub take {
	my ($c, $line) = @_;
	my $text = defined $c->{key} && $line =~ /^enc:/ ?
	    OldPeer::unseal($c->{key}, $line) : undef;
	my $sealed = defined $text;

	$line = $text if $sealed;
	syswrite $log, ($sealed ? 'S ' : 'P ') . "$line\n" if $log;
	push @{$c->{todo}}, [$line, $sealed] if $line ne '';
}

# The name of the step that a line is, undef after the opening.
sub step_of {
	my ($c, $line) = @_;

	return $c->{expect} if $c->{expect};
	return $1 if $line =~ /^(pong|ekey)$/;
	return $1 if $line =~ /^(sethost|version):/ && !$c->{fault}{old};
	return undef;
}

sub letters_and_digits {
	return $_[0] =~ s/[^A-Za-z0-9]//gr;
}

sub build_key {
	my ($c) = @_;
	my $len = $c->{fault}{'short-key'} ? 14 + $keys++ % 9 : 32;

	return join '', map { sprintf '%X', rand 16 } 1 .. $len;
}

# What a server without faults answers at each step.
my %right = (
	init => sub {
		my ($c, $line) = @_;
		return $line =~ /^init(?::|$)/ ? $$ . time : 'refused';
	},
	echo => sub {
		my ($c, $line) = @_;
		return letters_and_digits($line) eq
		    letters_and_digits($c->{challenge}) ? 'ok' : 'refused';
	},
	sethost => sub {
		my ($c, $line) = @_;
		return $line eq "sethost:$opt{id}" ? 'ok' : 'not_ok';
	},
	version => sub { "version:$opt{version}" },
	pong => sub { $opt{pong} // "$opt{id}:con_lost" },
	ekey => \&build_key,
);

# A fault at a step: its name, the step, and its value if it has one.
sub step_fault {
	my ($name, $step, $value) = @_;

	$right{$step} or die "--$name: no step `$step'\n";
	$fault{$name}{$step} = $value // 1;
}

# Has bytes written from a time on, and then perhaps a close.
sub say_at {
	my ($c, $bytes, $after_ms, $close) = @_;

	@$c{qw(output due close)} =
	    ($bytes, OldPeer::now() + $after_ms / 1000, $close);
}

sub answer_step {
	my ($c, $step, $line) = @_;
	my $fault = $c->{fault};
	my $answer = $fault->{answer}{$step} // $right{$step}->($c, $line);

	return drop($c) if $fault->{close}{$step};
	return $c->{mute} = 1 if $fault->{silent}{$step};
	if ($step eq 'init') {
		$c->{challenge} = $answer;
		$c->{expect} = 'echo';
	} elsif ($step eq 'echo') {
		$c->{expect} = '';
	} elsif ($step eq 'ekey') {
		$c->{key} = OldPeer::session_key($opt{id}, $opt{'client-id'},
		    $answer);
	}
	my $refused = $step =~ /^(?:init|echo)$/ && $answer eq 'refused';
	my $lf_less = $fault->{'lf-less-close'}{$step};
	$answer .= "\n" if !$lf_less;
	say_at($c, $answer, $fault->{delay}{$step} // 0, $refused || $lf_less);
}

# The reply to a request after the opening, and how many ms it takes.
sub reply_to {
	my ($c, $line, $sealed) = @_;
	my ($word, $rest) = split /:/, $line, 2;

	$rest //= '';
	return $opt{id} if $line eq 'ping';
	return 'bye' if $line eq 'exit';
	return $rest if $word eq 'echo';
	return '' if $word eq 'empty';
	return $sealed ? "yes:$line" : 'no' if $word eq 'sealed';
	return 'x' x $1 if $line =~ /^dump:([0-9]+)$/;
	return ($2, $1) if $line =~ /^slow:([0-9]+):(.*)/s;
	if ($word eq 'eecho') {
		return 'error: no key' if !defined $c->{key};
		return OldPeer::seal($c->{key}, $rest);
	}
	return 'refused' if !$sealed &&
	    $word =~ /^(?:auth|passwd|currentauth|makeuser)$/;
	return 'unknown_cmd';
}

sub answer {
	my ($c, $line, $sealed) = @_;
	my $fault = $c->{fault};
	my $step = step_of($c, $line);

	return answer_step($c, $step, $line) if defined $step;
	my $nth = ++$c->{ordinary};
	return drop($c) if $fault->{'close-after'} &&
	    $nth >= $fault->{'close-after'};
	my ($reply, $ms) = reply_to($c, $line, $sealed);
	$reply .= "\nunasked" if $fault->{extra} && $nth == 1;
	say_at($c, "$reply\n", $ms // 0, $line eq 'exit');
}

sub write_some {
	my ($c) = @_;
	my $fault = $c->{fault};
	my $len = $fault->{bytewise} ? 1 : length $c->{output};
	my $left = defined $fault->{cut} ? $fault->{cut} - $c->{sent} : $len;
	my $n = syswrite $c->{fh}, $c->{output}, $left < $len ? $left : $len;

	if (!defined $n) {
		drop($c) if !$!{EAGAIN};
		return;
	}
	substr $c->{output}, 0, $n, '';
	$c->{sent} += $n;
	$c->{due} = OldPeer::now() + 0.002 if $fault->{bytewise};
}

# Whether a connection has reached its end: cut, or nothing is left to write
# and it is to be closed, or they closed it and nothing is left to answer.
sub is_over {
	my ($c) = @_;
	my $cut = $c->{fault}{cut};

	return 1 if defined $cut && $c->{sent} >= $cut;
	return $c->{eof} if $c->{mute};
	return $c->{output} eq '' &&
	    ($c->{close} || $c->{eof} && !@{$c->{todo}});
}

# What one wait brought for a connection.
sub act {
	my ($c, $readable, $writable) = @_;

	read_all($c) if $readable;
	write_some($c) if $writable;
	answer($c, @{shift @{$c->{todo}}}) if @{$c->{todo}} &&
	    $c->{output} eq '' && !$c->{mute} && !$c->{close};
	drop($c) if !$c->{dropped} && is_over($c);
}

sub turn {
	my ($listener, $until) = @_;
	my ($r, $w) = ('', '');
	my $now = OldPeer::now();

	vec($r, fileno $listener, 1) = 1;
	for my $fd (keys %conn) {
		my $c = $conn{$fd};
		vec($r, $fd, 1) = 1 if !$c->{eof};
		next if $c->{output} eq '';
		if ($c->{due} <= $now) {
			vec($w, $fd, 1) = 1;
		} elsif ($c->{due} < $until) {
			$until = $c->{due};
		}
	}
	return if select($r, $w, undef, $until - $now) < 0;
	act($conn{$_}, vec($r, $_, 1), vec($w, $_, 1)) for keys %conn;
	accept_one($listener) if vec($r, fileno $listener, 1);
}

GetOptions(\%opt, qw(id=s client-id=s port-file=s life=i log=s
    max-unanswered=s pong=s version=s faults-once),
    (map { $_ => \&step_fault } qw(answer=s% delay=i% silent=s close=s
    lf-less-close=s)),
    (map { $_ => \$fault{s/=.*//r} } qw(bytewise cut=i extra close-after=i
    short-key old))) && !@ARGV or usage();
defined $opt{$_} or usage() for qw(id client-id port-file);
$SIG{PIPE} = 'IGNORE';

if (defined $opt{log}) {
	open $log, '>>', $opt{log} or die "$opt{log}: $!\n";
}
put_file($opt{'max-unanswered'}, 0) if defined $opt{'max-unanswered'};
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128)
    or die "listen: $@\n";
$listener->blocking(0);
put_file($opt{'port-file'}, $listener->sockport);

my $end = OldPeer::now() + $opt{life};
turn($listener, $end) while OldPeer::now() < $end;
