/// Conversations that break a rule of RFC 7143, each with the answer that the RFC asks for. `CorpusTests` plays them.
///
/// A line is one PDU: the twelve words of its header in hexadecimal, trailing zeros left out, then after a colon what
/// follows the header, in hexadecimal or, after an apostrophe, as text whose semicolons stand for NUL. `--------` as the
/// second word is the true length. `=>` ends a case: the answers, and `close` if the connection ends. The word before the
/// first header says what came before: `first` nothing, `full` a login, `free` one with InitialR2T=No, `find` one for
/// discovery, `sums` one with digests. What follows a # is why the case is there. Whatever breaks the target is added.
let conversationCorpus = """
    # Before the login: only login requests (7.4.2, 11.13.5)
    first 01c10000 => login 020b close                                  # a command
    first 40800000 => login 020b close                                  # a ping
    first 02810000 => login 020b close
    first 04800000 00000000 => login 020b close
    first 05800000 00000000 00000000 00000000 00000001 => login 020b close
    first 06800000 => login 020b close
    first 10800000 => login 020b close
    first 20800000 => login 020b close                                  # what only targets send
    first 3f800000 => login 020b close
    first 1c800000 => login 020b close                                  # vendor's opcode
    first ffffffff 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff => login 020b close

    # Login requests (6.3, 11.12)
    first 43870303 -------- => login 0205 close                         # a version that does not exist
    first 43880000 -------- : 'InitiatorName=iqn.a:b; => login 0200 close    # stage 2
    first 438f0000 -------- : 'InitiatorName=iqn.a:b; => login 0200 close    # already in the full feature phase
    first 43860000 -------- : 'InitiatorName=iqn.a:b; => login 0200 close    # to stage 2
    first 43840000 -------- : 'InitiatorName=iqn.a:b; => login 0200 close    # back
    first 43850000 -------- : 'InitiatorName=iqn.a:b; => login 0200 close    # to where it is
    first 43c70000 -------- : 'InitiatorName=iqn.a:b; => login 0200 close    # over and going on
    first 43870000 => login 0207 close                                  # says nothing
    first 43870000 -------- : 'SessionType=Discovery; => login 0207 close
    first 43870000 -------- : 'InitiatorName=iqn.a:b; => login 0207 close    # to nobody
    first 43870000 -------- : 'InitiatorName=iqn.a:b;TargetName=iqn.none:x; => login 0203 close
    first 43870000 -------- : 'InitiatorName=host;SessionType=Discovery; => login 0200 close
    first 43870000 -------- : 'InitiatorName=iqn.a b;SessionType=Discovery; => login 0200 close
    first 43870000 -------- : 'InitiatorName=;SessionType=Discovery; => login 0200 close
    first 43870000 -------- : 'InitiatorName=iqn.a:b;SessionType=Odd; => login 0209 close
    first 43870000 -------- : 'InitiatorName=iqn.a:b;InitiatorName=iqn.a:b;SessionType=Discovery; => login 0200 close
    first 43870000 -------- : 'InitiatorName=iqn.a:b;SessionType=Discovery => login 0200 close    # no end
    first 43870000 -------- : 'InitiatorName;SessionType=Discovery; => login 0200 close
    first 43870000 -------- : '=iqn.a:b;SessionType=Discovery; => login 0200 close
    first 43870000 -------- : 'Initiator Name=iqn.a:b;SessionType=Discovery; => login 0200 close
    first 43870000 -------- : 496e69746961746f724e616d653d69716e2eff00 => login 0200 close    # not UTF-8
    first 43870000 -------- : 'InitiatorName=iqn.a:b;SessionType=Discovery;CHAP_N=root; => login 0200 close
    first 43870000 -------- : 'InitiatorName=iqn.a:b;SessionType=Discovery;HeaderDigest=None;HeaderDigest=None; => login 0200 close
    first 43810000 -------- : 'InitiatorName=iqn.a:b;SessionType=Discovery;AuthMethod=KRB5; => login 0201 close
    first 43870000 00002001 => close                                    # longer than a login may be
    first 43870000 00ffffff => close
    first 43870000 01000000 : 00000000 => login 0207 close              # a header that goes on

    # Opcodes of the full feature phase
    full 07800000 => reject 05
    full 1c800000 => reject 05
    full 20800000 => reject 05
    full 25800000 => reject 05
    full 3f800000 => reject 05
    full 43870000 -------- : 'InitiatorName=iqn.a:b; => reject 04        # a second login
    full 10800000 => reject 03                                          # SNACK needs recovery level 1
    full 05800000 00ffffff => reject 04 close                           # data beyond the limit
    full 01a00000 00ffffff 00000000 00000000 00000005 00ffffff 00000001 => reject 04 close
    full 40800000 00010001 => reject 04 close                           # a ping of 64 KiB and one byte

    # Commands (11.3)
    full 01800000 00000000 00000000 00000000 ffffffff 00000000 00000001 => reject 09         # no tag
    full 01800000 00000000 00000000 00000000 00000005 00000000 00000000 => none              # CmdSN before the window
    full 01800000 00000000 00000000 00000000 00000005 00000000 00010001 => none              # and behind
    full 01800000 00000000 00000000 00000000 00000005 00000000 80000001 => none              # neither before nor behind
    full 01e00000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 28000000 00000000 01000000 => sense 050e03
    full 01840000 00000000 00000000 00000000 00000005 00000000 00000001 => sense 050e03       # ACA
    full 01870000 00000000 00000000 00000000 00000005 00000000 00000001 => sense 050e03
    full 01800000 01000000 00000000 00000000 00000005 00000000 00000001 00000000 7f000000 : 00010100 => sense 052000
    full 01800000 -------- 00000000 00000000 00000005 00000000 00000001 : deadbeef => sense 0b0c0c    # data nobody writes
    full 01a00000 -------- 00000000 00000000 00000005 00000002 00000001 00000000 2a000000 00000000 01000000 : deadbeef => sense 0b0c0d
    full 01c00000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000 => sense 050e03
    full 01c00000 00000000 00000000 00000000 00000005 ffffffff 00000001 00000000 28000000 00000000 01000000 => data response 00
    full 01a00000 00000000 00000000 00000000 00000005 ffffffff 00000001 00000000 2a000000 00000000 01000000 => ready

    # Data-Out (11.7, 11.8)
    full 05800000 -------- 00000000 00000000 00000077 ffffffff : 01020304 => none            # of a command that is over
    full 05800000 -------- 00000000 00000000 00000077 00000777 : 01020304 => reject 09        # of a transfer that never was
    full 01a00000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 00000777 : 01020304 => ready reject 09
    full 01a00000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 ffffffff : 01020304 => ready reject 09       # unsolicited, when told to wait
    full 01a00000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 00000001 00000000 00000000 00000000 00000001 : 01020304 => ready sense 0b4b00
    full 01a00000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 00000001 00000000 00000000 00000000 00000000 00000004 : 01020304 => ready sense 0b4b05
    full 01a00000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 00000001 00000000 00000000 00000000 00000000 ffffffff : 01020304 => ready sense 0b4b05
    full 01a00000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 00000001 : 01020304 => ready sense 0b0c0d    # less than asked for
    full 01a00000 00000000 00000000 00000000 00000005 00000002 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 00000001 : 01020304 => ready sense 0b0c0d    # more than asked for
    full 01200000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 ffffffff : 01020304 => sense 0b0c0c          # InitialR2T was agreed on
    free 01200000 00000000 00000000 00000000 00000005 00000002 00000001 00000000 2a000000 00000000 01000000
    05800000 -------- 00000000 00000000 00000005 ffffffff : 01020304 => sense 0b0c0d
    free 01200000 00000000 00000000 00000000 00000005 00000200 00000001 00000000 2a000000 00000000 01000000
    01800000 00000000 00000000 00000000 00000005 00000000 00000002 => reject 09               # a tag that is in use

    # Pings, task management, text, logout
    full 40800000 00000000 00000000 00000000 ffffffff ffffffff => none
    full 00800000 00000000 00000000 00000000 00000005 ffffffff 00000000 => none               # its number is used
    full 42800000 00000000 00000000 00000000 00000005 => reject 09                            # function 0
    full 42ff0000 00000000 00000000 00000000 00000005 => reject 09
    full 42810000 00000000 00000000 00000000 ffffffff => reject 09
    full 42810000 00000000 00000000 00000000 00000005 00000099 00000001 00000000 00000000 => management 01
    full 42830000 00000000 00000000 00000000 00000005 => management 05
    full 42880000 00000000 00000000 00000000 00000005 00000099 00000001 => management 04
    full 44800000 -------- 00000000 00000000 00000005 00000777 : 'SendTargets=; => reject 09  # an exchange that never was
    full 44c00000 -------- 00000000 00000000 00000005 ffffffff : 'SendTargets=; => reject 04  # over and going on
    full 44800000 -------- 00000000 00000000 00000005 ffffffff : 'SendTargets= => reject 04
    full 44800000 -------- 00000000 00000000 00000005 ffffffff : 'SendTargets; => reject 04
    full 44800000 -------- 00000000 00000000 00000005 ffffffff : 'A=1;A=2; => reject 04
    full 46820000 00000000 00000000 00000000 00000005 => logout 02                             # for recovery
    full 46ff0000 00000000 00000000 00000000 00000005 => logout 03
    full 46810000 00000000 00000000 00000000 00000005 00090000 => logout 01                    # somebody else's connection

    # A session for discovery gives names, nothing else (4.3)
    find 01800000 00000000 00000000 00000000 00000005 00000000 00000001 => reject 04
    find 42810000 00000000 00000000 00000000 00000005 => reject 04

    # Digests (7.8)
    sums 40800000 00000000 00000000 00000000 00000005 ffffffff : 00000000 => close
    """
