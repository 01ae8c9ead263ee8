# OldPeer.pm: what both ends of the old network share, for old-client.pl and
# old-server.pl: lines, the session key, IDEA and enc: lines.  Written from
# lonc-protocol(7) alone and without liblonc, so that a test of our programs
# against it is a test against something else than themselves.

package OldPeer;

use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# now: seconds on a clock that nobody sets.
sub now {
	return clock_gettime(CLOCK_MONOTONIC);
}

# take_line: the first line of the buffer, without its LF and taken out of
# the buffer; undef if no whole line is there.
sub take_line {
	my ($buf) = @_;
	my $at = index $$buf, "\n";

	return undef if $at < 0;
	my $line = substr $$buf, 0, $at + 1, '';
	chop $line;
	return $line;
}

# session_key: the 16 bytes that both ends derive; the server's id is first.
sub session_key {
	my ($server, $client, $build) = @_;
	my $text = $server . $client;

	$text =~ tr/a-z/A-Z/;
	$text =~ tr/G-P/0-9/;
	$text =~ tr/Q-Z/0-9/;
	$text .= $build;
	return pack 'H32', $text x 3;
}

# The 52 subkeys of a key.  A factor of zero stands for 2^16; where a subkey is
# added instead, the two are the same.
sub subkeys {
	my ($key) = @_;
	my $bits = unpack 'B128', $key;
	my @k;

	while (@k < 52) {
		push @k, unpack 'n8', pack 'B128', $bits;
		$bits = substr($bits, 25) . substr($bits, 0, 25);
	}
	$#k = 51;
	$_ ||= 65536 for @k;
	return @k;
}

# The inverse of a factor: its 65535th power, as 65537 is prime.
sub inverse {
	my ($factor) = @_;
	my $power = $factor;

	$power = $power * $power % 65537 * $factor % 65537 for 1 .. 15;
	return $power;
}

# The subkeys that undo those given.  The two sums of a round change places,
# except in the first and in the last, whose words are not exchanged.
sub inverse_subkeys {
	my @k = @_;
	my @inverse;

	for my $round (reverse 0 .. 8) {
		my ($f, $s, $t, $g) = @k[6 * $round .. 6 * $round + 3];
		($s, $t) = ($t, $s) if $round % 8 != 0;
		push @inverse, inverse($f), -$s & 65535, -$t & 65535,
		    inverse($g);
		push @inverse, @k[6 * $round - 2, 6 * $round - 1] if $round > 0;
	}
	return @inverse;
}

# Whole blocks through the cipher, each by itself.
sub crypt_blocks {
	my ($text, @k) = @_;
	my @words = unpack 'n*', $text;
	my $out = '';

	while (my ($w, $x, $y, $z) = splice @words, 0, 4) {
		for (my $i = 0; $i < 48; $i += 6) {
			$w = ($w || 65536) * $k[$i] % 65537 & 65535;
			$x = $x + $k[$i + 1] & 65535;
			$y = $y + $k[$i + 2] & 65535;
			$z = ($z || 65536) * $k[$i + 3] % 65537 & 65535;
			my $p = ($w ^ $y || 65536) * $k[$i + 4] % 65537 & 65535;
			my $q = ($x ^ $z) + $p & 65535;
			$q = ($q || 65536) * $k[$i + 5] % 65537 & 65535;
			$p = $p + $q & 65535;
			($w, $x, $y, $z) =
			    ($w ^ $q, $y ^ $q, $x ^ $p, $z ^ $p);
		}
		$out .= pack 'n4',
		    ($w || 65536) * $k[48] % 65537 & 65535,
		    $y + $k[49] & 65535, $x + $k[50] & 65535,
		    ($z || 65536) * $k[51] % 65537 & 65535;
	}
	return $out;
}

sub encrypt {
	my ($key, $blocks) = @_;
	return crypt_blocks($blocks, subkeys($key));
}

sub decrypt {
	my ($key, $blocks) = @_;
	return crypt_blocks($blocks, inverse_subkeys(subkeys($key)));
}

# seal: the enc: line of a text.  Blanks fill the last block, or are a whole
# block more where the length divides by 8.
sub seal {
	my ($key, $text) = @_;
	my $len = length $text;

	return "enc:$len:" .
	    unpack 'H*', encrypt($key, $text . ' ' x (8 - $len % 8));
}

# unseal: the text of an enc: line, or undef if it is none.
sub unseal {
	my ($key, $line) = @_;

	my ($len, $hex) = $line =~ /\Aenc:([0-9]+):([0-9a-f]*)\z/
	    or return undef;
	return undef if length($hex) % 16 != 0 || $len > length($hex) / 2;
	return substr decrypt($key, pack 'H*', $hex), 0, $len;
}

1;
