import Platform
import SCSI

/// What has to be done outside the machine.
enum SessionEvent {
    /// Nothing until more bytes, a completion or the deadline come.
    case wait
    /// Somebody has logged in; `sessionOpened` or `sessionRefused` goes on.
    case open(SessionOpening)
    /// A command to carry out; `finish` goes on.
    case execute(CommandTask)
    /// A function that touches more than this session; `managementDone` goes on.
    case manage(ManagementTask)
    /// The connection ends once the output is sent.
    case close
}

/// One session on its one connection: bytes in, events and output out. Knows no socket, no thread and no array.
///
/// It belongs to one owner, who gives it bytes by `next` until that says `.wait`, carries out what the other events say,
/// and tells by `finish` how commands ended. Error recovery level 0: whatever breaks the order of a connection ends it.
///
/// Source: RFC 7143; the sections are named where they apply.
struct SessionMachine {
    enum Phase: Equatable {
        case login
        /// The login's last response waits for the session to be made.
        case opening
        case fullFeature
        /// A logout waits for commands under way.
        case loggingOut
        case closed
    }

    let limits: ISCSILimits
    let bufferPool: BufferPool
    var phase = Phase.login
    var login: LoginMachine
    var parameters = SessionParameters()
    var opening: SessionOpening?

    /// StatSN of the next response.
    var statusNumber: UInt32 = 1
    var window: CommandWindow
    var tasks: [UInt32: CommandTask] = [:]
    /// What came before its turn, by CmdSN.
    var held: [UInt32: HeldRequest] = [:]
    var order = TaskOrder()
    /// Commands whose turn has come, while memory is short.
    var ready = TaskQueue()
    /// Events beyond the first that one request has led to.
    var later: [SessionEvent] = []
    var immediateCount = 0
    var runningCount = 0
    /// Bytes of buffers of commands under way.
    var dataBytes = 0
    /// Write commands that wait for memory before they are told to send.
    var stalled: [CommandTask] = []
    var nextTransferTag: UInt32 = 1
    var segment: Segment?
    var spare: [CommandTask] = []

    // Login and text.
    /// Header of the login request that `opening` answers, and its keys.
    var pendingLogin: (header: PDUHeader, keys: TextKeys)?
    var text = TextExchange()
    var logout: PDUHeader?
    /// Why there was no login.
    var loginFailure: LoginStatus?
    /// What SendTargets answers.
    var portals: [String]

    // Time.
    var lastInput: UInt64
    /// When data-out came last, or began to be waited for.
    var lastData: UInt64
    /// A NOP-In that has no answer yet.
    var isPinged = false
    var commandCount: UInt64 = 0

    init(
        policy: LoginPolicy, limits: ISCSILimits, portals: [String], bufferPool: BufferPool, randomness: any Randomness,
        at now: UInt64
    ) {
        self.limits = limits
        self.bufferPool = bufferPool
        self.portals = portals
        login = LoginMachine(policy: policy, randomness: randomness)
        window = CommandWindow(first: 0, limit: limits.commands)
        lastInput = now
        lastData = now
    }

    /// Takes as much input as it can, up to the first thing that somebody else has to do.
    ///
    /// - Parameter input: what has been received; what was taken is cut off.
    mutating func next(
        _ input: inout UnsafeRawBufferPointer, _ output: inout OutputQueue, at now: UInt64
    ) -> SessionEvent {
        if !input.isEmpty { lastInput = now }
        while true {
            if !stalled.isEmpty { requestStalledData(&output) }
            if let event = takeEvent(output) { return event }
            switch phase {
            case .closed: return .close
            case .opening, .loggingOut: return .wait
            case .login, .fullFeature: break
            }
            if segment != nil {
                guard goOnWithSegment(&input, &output) else { return .wait }
                continue
            }
            guard let event = takePDU(&input, &output) else { continue }
            return event
        }
    }

    private mutating func takeEvent(_ output: borrowing OutputQueue) -> SessionEvent? {
        if !later.isEmpty { return later.removeFirst() }
        guard !ready.isEmpty, hasRoom(output) else { return nil }
        return ready.takeFirst().map { run($0) }
    }

    /// Whether `next` has something to do without more input.
    func isRunnable(_ output: borrowing OutputQueue) -> Bool {
        !later.isEmpty || !ready.isEmpty && hasRoom(output)
    }

    /// Whether another command may take memory for its data.
    func hasRoom(_ output: borrowing OutputQueue) -> Bool {
        runningCount == 0 && output.isEmpty || dataBytes + output.count < limits.dataBytes
    }

    /// Takes one PDU, or the head of a long one.
    ///
    /// - Returns: `nil` to go on with what follows.
    private mutating func takePDU(
        _ input: inout UnsafeRawBufferPointer, _ output: inout OutputQueue
    ) -> SessionEvent? {
        guard input.count >= PDUHeader.byteCount else { return .wait }
        let header = PDUHeader(input)
        let layout = PDULayout(header, parameters, isLogin: phase == .login)
        guard header.dataBytes <= segmentLimit(header) else {
            // What follows cannot be told from data any more.
            if phase == .fullFeature { reject(header, .protocolError, &output) }
            phase = .closed
            return .close
        }
        guard input.count >= layout.totalBytes else {
            guard layout.isLong(header), input.count >= layout.dataStart else { return .wait }
            guard layout.isHeaderIntact(input) else { return lose() }
            input = UnsafeRawBufferPointer(rebasing: input[layout.dataStart...])
            beginSegment(header, &output)
            return nil
        }
        guard layout.isHeaderIntact(input) else { return lose() }
        let pdu = UnsafeRawBufferPointer(rebasing: input[..<layout.totalBytes])
        input = UnsafeRawBufferPointer(rebasing: input[layout.totalBytes...])
        let data = UnsafeRawBufferPointer(rebasing: pdu[layout.dataStart..<layout.dataStart + header.dataBytes])
        if phase == .login {
            takeLogin(header, data, &output)
            return nil
        }
        return handle(header, data, isIntact: layout.isDataIntact(pdu), &output)
    }

    /// A broken header: nothing after it can be trusted, and level 0 knows no repair. Source: RFC 7143 §7.8.
    private mutating func lose() -> SessionEvent {
        phase = .closed
        return .close
    }

    private func segmentLimit(_ header: PDUHeader) -> Int {
        if phase == .login { return 8192 }
        switch header.opcode {
        case .dataOut, .command: return limits.segmentBytes
        default: return min(limits.segmentBytes, 64 << 10)
        }
    }

    /// A whole PDU of the full feature phase.
    private mutating func handle(
        _ header: PDUHeader, _ data: UnsafeRawBufferPointer, isIntact: Bool, _ output: inout OutputQueue
    ) -> SessionEvent? {
        switch header.opcode {
        case .command: return takeCommand(header, data, isIntact: isIntact, &output)
        case .dataOut: return takeDataOut(header, data, isIntact: isIntact, &output)
        case .nopOut, .taskManagement, .text, .logout:
            guard isIntact else {
                reject(header, .dataDigest, &output)
                return nil
            }
            return takeNumbered(header, data, &output)
        case .sequenceAcknowledgement: reject(header, .sequenceAcknowledgement, &output)
        case .login: reject(header, .protocolError, &output)
        default: reject(header, .notSupported, &output)
        }
        return nil
    }
}

/// Where the parts of a PDU lie. Source: RFC 7143 §11.2.
struct PDULayout {
    /// Data segments longer than this are taken as they come.
    static let longBytes = 8192

    let additionalEnd: Int
    let dataStart: Int
    let dataEnd: Int
    let totalBytes: Int
    private let hasHeaderDigest: Bool
    private let hasDataDigest: Bool

    init(_ header: PDUHeader, _ parameters: SessionParameters, isLogin: Bool) {
        hasHeaderDigest = parameters.hasHeaderDigest && !isLogin
        hasDataDigest = parameters.hasDataDigest && !isLogin && header.dataBytes > 0
        additionalEnd = PDUHeader.byteCount + header.additionalBytes
        dataStart = additionalEnd + (hasHeaderDigest ? 4 : 0)
        dataEnd = dataStart + header.dataBytes + header.paddingBytes
        totalBytes = dataEnd + (hasDataDigest ? 4 : 0)
    }

    func isLong(_ header: PDUHeader) -> Bool {
        header.dataBytes > Self.longBytes && (header.opcode == .dataOut || header.opcode == .command)
    }

    func isHeaderIntact(_ input: UnsafeRawBufferPointer) -> Bool {
        guard hasHeaderDigest else { return true }
        return PDUDigest.of(UnsafeRawBufferPointer(rebasing: input[..<additionalEnd])) == PDUDigest.read(input, at: additionalEnd)
    }

    func isDataIntact(_ pdu: UnsafeRawBufferPointer) -> Bool {
        guard hasDataDigest else { return true }
        return PDUDigest.of(UnsafeRawBufferPointer(rebasing: pdu[dataStart..<dataEnd])) == PDUDigest.read(pdu, at: dataEnd)
    }
}
