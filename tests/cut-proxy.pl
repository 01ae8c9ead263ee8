#!/usr/bin/perl
# cut-proxy.pl: stands between a link and its peer and cuts connections, for
# the tests of lonc-link.
#
#	cut-proxy.pl TO-PORT PORT-FILE BYTES
#
# Listens on 127.0.0.1, writes the port to PORT-FILE, and takes one connection
# at a time to TO-PORT there: of the first not a byte comes back from the
# peer before both ends are closed, of the second one byte, of the next two,
# up to BYTES.  Those that follow are whole, and when the first of them comes
# it says so on standard output.  Lives 60 seconds.

use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

@ARGV == 3 or die "usage: cut-proxy.pl TO-PORT PORT-FILE BYTES\n";
my ($to, $port_file, $bytes) = @ARGV;

# Hands on until one end closes, or as many bytes came back as may.
sub hand_on {
	my ($link, $peer, $left) = @_;

	while ($left > 0) {
		my $r = '';
		vec($r, fileno $_, 1) = 1 for $link, $peer;
		select $r, undef, undef, undef;
		if (vec($r, fileno $link, 1)) {
			sysread $link, my $data, 1 << 16 or return;
			syswrite $peer, $data or return;
		}
		if (vec($r, fileno $peer, 1)) {
			my $n = sysread $peer, my $data,
			    $left < 1 << 16 ? $left : 1 << 16 or return;
			syswrite $link, $data or return;
			$left -= $n;
		}
	}
}

$SIG{PIPE} = 'IGNORE';
$| = 1;
alarm 60;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "listen: $@\n";
open my $fh, '>', "$port_file.tmp" or die "$port_file.tmp: $!\n";
print $fh $listener->sockport, "\n";
close $fh;
rename "$port_file.tmp", $port_file or die "$port_file: $!\n";

for (my $n = 0; my $link = $listener->accept; $n++) {
	my $peer = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$to")
	    or die "connect: $@\n";
	setsockopt $_, IPPROTO_TCP, TCP_NODELAY, 1 for $link, $peer;
	print "whole\n" if $n == $bytes + 1;
	hand_on($link, $peer, $n <= $bytes ? $n : 9**9**9);
}
