#!/usr/bin/perl
# old-peer-selftest.pl: checks OldPeer.pm, which old-client.pl and
# old-server.pl stand on.  Says nothing and exits 0 when all is well.
#
# Not tested: bytes over 0x7f in ids, which are not legal there.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use OldPeer;

my $failed = 0;

sub check {
	my ($what, $want, $got) = @_;

	$_ = defined ? unpack('H*', $_) : 'undef' for $want, $got;
	return if $want eq $got;
	print STDERR "old-peer-selftest: $what: wanted $want, got $got\n";
	$failed = 1;
}

# Key, plain block, cipher block.  The first row was published with the
# cipher; libgcrypt agrees with all of them.
my @idea = (
	['00010002000300040005000600070008', '0000000100020003',
	    '11fbed2b01986de5'],
	['00000000000000000000000000000000', '0000000000000000',
	    '0001000100000000'],
	['ffffffffffffffffffffffffffffffff', 'ffffffffffffffff',
	    'cd1ab2c1211041fb'],
	['80000000000000000000000000000000', '0000000000000000',
	    'b1f5f7f87901370f'],
	['6a1124c4566222bccf3de62795fafa7c', '42775d9d66a519c9',
	    'fdb2d270ac04c6fc'],
);

# Server id, client id, build key, session key; worked out by the rule of
# lonc-protocol(7).  The last two rows have the line end in the key.
my @keys = (
	['msul1', 'msua1', '12345A0EF78D90A12B3C99',
	    '62451624a112345a0ef78d90a12b3c99'],
	['my_host', 'x-y', '7104F', '68f18237d87104f68f18237d87104f68'],
	['m.one', 'two+3', 'ABCDEF0123456789ABCDEF0123456789',
	    '6e87e368b3abcdef0123456789abcdef'],
	['a', 'b', '1', 'ab1ab1ab100000000000000000000000'],
	['msul1', 'msua1', "12345A0EF78D90A12B3C99\n",
	    '62451624a112345a0ef78d90a12b3c99'],
	['a', 'b', "71046E0CE5678D123499\n",
	    'ab71046e0ce5678d123499aab71046e0'],
);

# Plain text, enc: line, under the session key of the first row above; the
# rule is lonc-protocol(7)'s, and libgcrypt agrees with the blocks.
my @sealed = (
	['', 'enc:0:818116b2b5849c9a'],
	['ping', 'enc:4:6992a8dd0e04f7cd'],
	['12345678', 'enc:8:9d14e00ab84ef60f818116b2b5849c9a'],
	["bytes\xff\x00\x01", 'enc:8:a110fb2eb073c27e818116b2b5849c9a'],
	['auth:msu:user:s%20ecret',
	    'enc:23:cdf9838438902ec4ab43bcce2338a32cb112192380c8e4e4'],
);
my $key = pack 'H*', '62451624a112345a0ef78d90a12b3c99';

# A line to be opened, its text or undef.
my @opened = (
	['enc:8:9d14e00ab84ef60f', '12345678'],
	['enc:3:9d14e00ab84ef60f818116b2b5849c9a', '123'],
	['enc:0:', ''],
	['enc:9:9d14e00ab84ef60f', undef],
	['enc:8:9d14e00ab84ef60', undef],
	['enc:1:9d14e00ab84e', undef],
	['enc:8:9d14e00ab84ef60g', undef],
	['enc:-1:9d14e00ab84ef60f', undef],
	['enc::9d14e00ab84ef60f', undef],
	['enc:8', undef],
);

for (@idea) {
	my ($k, $plain, $cipher) = map { pack 'H*', $_ } @$_;
	check("encrypt $$_[0]", $cipher, OldPeer::encrypt($k, $plain));
	check("decrypt $$_[0]", $plain, OldPeer::decrypt($k, $cipher));
	check("two blocks $$_[0]", $cipher x 2,
	    OldPeer::encrypt($k, $plain x 2));
}
for (@keys) {
	my ($server, $client, $build, $want) = @$_;
	check("session key of $server, $client", pack('H*', $want),
	    OldPeer::session_key($server, $client, $build));
}
for (@sealed) {
	my ($plain, $line) = @$_;
	check("seal $line", $line, OldPeer::seal($key, $plain));
	check("unseal $line", $plain, OldPeer::unseal($key, $line));
}
check("unseal $$_[0]", $$_[1], OldPeer::unseal($key, $$_[0])) for @opened;

my $buf = "a\n\nb\0\nc";
check('line', $_, OldPeer::take_line(\$buf)) for 'a', '', "b\0", undef;
check('rest of the buffer', 'c', $buf);
exit $failed;
