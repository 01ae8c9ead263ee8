#!/usr/bin/perl
# local-client.pl: plays a program on the local socket of a link, for the
# tests of lonc-link, where lonc-send is too well behaved.
#
#	local-client.pl SOCKET ACTION...
#
# connects to SOCKET, on a path of 107 bytes at most, and does one ACTION
# after the other:
#
#	'say TEXT'	write TEXT, in which \n, \0, \\ and \xNN are bytes
#	'fill N TEXT'	write TEXT N times over
#	'file NAME'	write what is in the file
#	'flood N TEXT'	the same, but give up what the socket does not take
#	'get N'		print N lines that came
#	'shut'		close the sending half
#	'end'		print what comes until the end of file
#	'more N'	N further connections, which stay open and silent
#	'touch FILE'	make FILE
#	'await FILE'	wait until FILE is there
#
# Before SOCKET, `--as USER' makes it a process of USER's in the directory of
# SOCKET, of which USER need not be able to reach more than that.
#
# Exit status: 0 all was done, 1 not within 20 seconds, or not at all, and
# standard error says which action it was.

use strict;
use warnings FATAL => 'all';
use File::Basename;
use FindBin;
use Socket;
use Time::HiRes qw(sleep);
use lib $FindBin::Bin;
use OldPeer;

my ($path, $s, @more);
my $input = '';
my $doing = 'connect';

sub fail {
	print STDERR "local-client: $doing: @_\n";
	exit 1;
}

sub bytes_of {
	my ($text) = @_;
	my %byte = (n => "\n", 0 => "\0", '\\' => '\\');

	$text =~ s/\\(?:([n0\\])|x([0-9a-f]{2}))/$1 ? $byte{$1} : chr hex $2/ge;
	return $text;
}

sub open_socket {
	socket my $fh, PF_UNIX, SOCK_STREAM, 0 or fail("socket: $!");
	connect $fh, sockaddr_un($path) or fail("$path: $!");
	return $fh;
}

# Writes while it reads, so that neither end waits for the other.
sub write_all {
	my ($bytes) = @_;

	while ($bytes ne '') {
		my $r = my $w = '';
		vec($r, fileno $s, 1) = vec($w, fileno $s, 1) = 1;
		select $r, $w, undef, undef;
		read_some() if vec($r, fileno $s, 1);
		next if !vec($w, fileno $s, 1);
		my $n = send $s, $bytes, MSG_DONTWAIT | MSG_NOSIGNAL;
		fail("send: $!") if !defined $n && !$!{EAGAIN};
		substr $bytes, 0, $n // 0, '';
	}
}

# Returns what sysread does.
sub read_some {
	my $n = sysread $s, $input, 1 << 20, length $input;

	fail("read: $!") if !defined $n;
	return $n;
}

my %action = (
	say => sub { write_all(bytes_of($_[0])) },
	fill => sub {
		my ($n, $text) = split / /, $_[0], 2;
		write_all(bytes_of($text) x $n);
	},
	file => sub {
		open my $fh, '<', $_[0] or fail($!);
		local $/;
		write_all(scalar <$fh>);
	},
	flood => sub {
		my ($n, $text) = split / /, $_[0], 2;
		my $bytes = bytes_of($text) x $n;
		while ($bytes ne '') {
			$n = send $s, $bytes, MSG_DONTWAIT | MSG_NOSIGNAL;
			last if !defined $n;
			substr $bytes, 0, $n, '';
		}
	},
	get => sub {
		for (1 .. $_[0]) {
			my $line;
			until (defined($line = OldPeer::take_line(\$input))) {
				read_some() or fail('end of file');
			}
			print "$line\n";
		}
	},
	shut => sub { shutdown $s, 1 },
	end => sub {
		1 while read_some();
		print $input;
		$input = '';
	},
	more => sub { push @more, open_socket() for 1 .. $_[0] },
	touch => sub { open my $fh, '>', $_[0] or fail($!) },
	await => sub { sleep 0.01 until -e $_[0] },
);

my $user;
(undef, $user) = splice @ARGV, 0, 2 if @ARGV && $ARGV[0] eq '--as';
($path, my @actions) = @ARGV or fail('no socket');
$| = 1;
$SIG{ALRM} = sub { fail('not within 20 s') };
alarm 20;

if (defined $user) {
	my (undef, undef, $uid, $gid) = getpwnam $user or fail("no $user");
	chdir dirname($path) or fail(dirname($path) . ": $!");
	$path = basename($path);
	$( = $gid;
	$) = "$gid $gid";
	$< = $> = $uid;
	fail("$user: $!") if $< != $uid || $> != $uid;
}
$s = open_socket();
for (@actions) {
	$doing = $_;
	my ($name, $rest) = split / /, $_, 2;
	my $do = $action{$name} or fail('no such action');
	$do->($rest);
}
