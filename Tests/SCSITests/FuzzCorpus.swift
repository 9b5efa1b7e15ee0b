/// Commands worth sending again and again: CDB, and after a colon the data-out, in hexadecimal; one case a line, and what
/// follows a # is why it is there. `FuzzTests` sends and mutates them; whatever breaks the target is added.
let commandCorpus = """
    # Lengths at and beyond the limits
    88 00 0000000000000000 ffffffff 00 00                      # READ(16) of 2 TiB
    8a 00 ffffffffffffffff 00000001 00 00 : 00                 # WRITE(16) at the last address there is
    8a 00 7fffffffffffffff 00000002 00 00 : 00                 # an end that overflows a signed number
    8f 06 0000000000000000 ffffffff 00 00 : 00                 # VERIFY of everything against less than a block
    89 00 0000000000000000 000000 ff 00 00 : 00                # COMPARE AND WRITE of 255 blocks with one byte
    93 00 0000000000000000 ffffffff 00 00 : 00                 # WRITE SAME beyond its limit
    93 08 0000000000000000 00000000 00 00                      # WRITE SAME of nothing
    93 1f 0000000000000000 00000001 00 00                      # every flag at once
    41 01 00000000 00 0001 00                                  # NDOB where there is none
    9c 00 0000000000000000 ffff ffff 00 00 : 00                # WRITE ATOMIC with a boundary
    8b 00 0000000000000000 00000001 00 00                      # ORWRITE without data
    9e 12 0000000000000000 ffffffff 00 00                      # GET LBA STATUS, all the room there is
    9e 12 ffffffffffffffff 00000018 00 00                      # and at the last address

    # UNMAP lists
    42 00 00000000 00 0008 00 : 0006 0000 00000000             # header only
    42 00 00000000 00 0008 00 : ffff ffff 00000000             # lengths that are not there
    42 00 00000000 00 0018 00 : 0016 0010 00000000 ffffffffffffffff ffffffff 00000000
    42 00 00000000 00 0018 00 : 0016 000f 00000000 0000000000000000 00000008 00000000
    42 00 00000000 00 0018 00 : 0016 0010 00000000 0000000000000001 00000000 ffffffff
    42 00 00000000 00 ffff 00 : 0016

    # EXTENDED COPY lists
    83 00 0000000000000000 00000010 00 00 : 00 18 0000 00000000 00000000 00000000    # nothing to do
    83 00 0000000000000000 00000010 00 00 : 00 18 ffff 00000000 ffffffff ffffffff    # lengths that overflow
    83 00 0000000000000000 00000014 00 00 : 00 18 0000 00000000 00000004 00000000 02 00 ffff
    83 00 0000000000000000 00000014 00 00 : 00 18 0000 00000000 00000004 00000000 0a 00 0000
    83 00 0000000000000000 0000002c 00 00 : 01 00 0000 00000000 0000001c 00000000 02 00 0018 0000 0001 0000 0008 0000000000000000 0000000000000008
    83 00 0000000000000000 ffffffff 00 00 : 00
    83 01 0000000000000000 00000010 00 00 : 00                 # LID4
    84 00 ff 00000000000000 ffffffff 00 00
    84 03 00 00000000000000 00000000 00 00

    # Parameter lists of modes
    15 10 00 00 04 00 : 00 00 00 ff
    15 10 00 00 0c 00 : 00 00 00 08 ffffffff 00000200
    15 10 00 00 06 00 : 00 00 00 00 ca 0a                      # a page that ends after its header
    55 10 00 00 00 00 00 0010 00 : 0000 00 00 01 00 0010 ffffffffffffffff
    55 10 00 00 00 00 00 000c 00 : 0000 00 00 00 00 0000 5c 02 ffff
    1a 00 ff ff ff 00
    5a 10 3f ff 00 00 00 0000 00                               # no room
    4d 00 4c 00 00 ffff ffff 00

    # Reservations
    5f 00 00 00 00 00000018 00 : ffffffffffffffff ffffffffffffffff 00000000 ff 00 0000
    5f 07 00 00 00 0000001c 00 : 0000000000000000 0000000000000001 00 03 0001 00000004 45000000
    5f 07 00 00 00 00000018 00 : 0000000000000000 0000000000000001 00 03 0001 ffffffff
    5f 07 00 00 00 ffffffff 00 : 00
    5f 01 ff 00 00 00000018 00 : 0000000000000000 0000000000000000 00000000 00 00 0000
    5e 03 00 00 00 00 00 ffff 00
    16 ff 00 00 00 00

    # Media
    48 81 0000000000 0005 00 : 1f 00 0001 aa                   # SANITIZE at once, 31 passes
    48 01 0000000000 0005 00 : 01 00 ffff aa                   # a pattern longer than the list
    48 02 0000000000 0000 00
    48 1f 0000000000 0000 00
    1b 01 00 00 02 00                                          # eject
    1b 00 00 00 f3 00
    1e 00 00 00 03 00
    37 00 1f 00 00 00 00 ffff 00
    b7 1f 00000000 ffffffff 00 00

    # Questions
    12 01 ff ff ff 00
    12 02 00 00 ff 00
    a0 00 ff 000000 00000010 00 00
    a0 00 00 000000 0000000f 00 00
    a3 0c 87 ff ffff ffffffff 00 00
    a3 0c 83 9e 0010 ffffffff 00 00
    a3 1f 00 00 0000 ffffffff 00 00
    03 01 00 00 ff 00
    00 00 00 00 00 04                                          # NACA
    ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
    """
