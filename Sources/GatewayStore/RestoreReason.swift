/// What shows that stored sessions are not the newest, or not the only ones.
public enum RestoreReason: Equatable, Sendable {
    /// The second place of the generation is further on: by so many changes.
    case older(by: UInt64)
    /// The second place of the generation belongs to another history.
    case otherHistory
    case generationFileMissing
    case generationFileDamaged
    /// The anchor was made or touched by somebody else: the folder was copied or restored file by file.
    case copied
    case otherMachine
    /// The clock, which is set by the network, is more than a day behind the last change.
    case clockBehind(days: Int64)

    public var text: String {
        switch self {
        case .older(let changes):
            "an older copy was put back (\(changes) changes behind)"
        case .otherHistory: "a copy of another history was put in its place"
        case .generationFileMissing: "the file of the generation is missing"
        case .generationFileDamaged: "the file of the generation is damaged"
        case .copied: "the folder is a copy"
        case .otherMachine: "it was written on another machine"
        case .clockBehind(let days): "it was written \(days) days in the future of this clock"
        }
    }
}

/// Where and when a store or a device's state is opened: what its own notes are compared with.
public struct Traces: Sendable {
    /// The second place of the generation.
    public var generationFile: String
    /// A file that is made once and touched by nobody.
    public var anchorFile: String
    /// A name of this machine; nil: it has none.
    public var machine: [UInt8]?
    public var unixMilliseconds: Int64
    /// Whether the clock was set by the network. One that was not may be anywhere: many small machines have no battery.
    public var isClockSynchronised: Bool

    public init(
        generationFile: String, anchorFile: String, machine: [UInt8]?, unixMilliseconds: Int64,
        isClockSynchronised: Bool
    ) {
        self.generationFile = generationFile
        self.anchorFile = anchorFile
        self.machine = machine
        self.unixMilliseconds = unixMilliseconds
        self.isClockSynchronised = isClockSynchronised
    }
}

/// What is noted beside what is guarded, to be compared with the traces at the next start.
public struct GenerationNote: Equatable, Sendable {
    public var instance: [UInt8]
    public var sequence: UInt64
    public var machine: [UInt8]?
    public var anchor: FileStamp
    public var seenUnixMilliseconds: Int64

    public init(
        instance: [UInt8], sequence: UInt64, machine: [UInt8]?, anchor: FileStamp, seenUnixMilliseconds: Int64
    ) {
        self.instance = instance
        self.sequence = sequence
        self.machine = machine
        self.anchor = anchor
        self.seenUnixMilliseconds = seenUnixMilliseconds
    }

    static let day: Int64 = 86_400_000

    /// Empty: nothing tells of a restore or a copy.
    ///
    /// - Parameter file: what the second place says, where it was read before the note; nil: to be read now.
    public func reasons(_ traces: Traces, file: GenerationFile.Found? = nil) -> [RestoreReason] {
        var reasons: [RestoreReason] = []
        switch file ?? GenerationFile.read(traces.generationFile) {
        case .nothing: reasons.append(.generationFileMissing)
        case .damaged: reasons.append(.generationFileDamaged)
        case .content(let content) where content.instance != instance: reasons.append(.otherHistory)
        case .content(let content) where content.sequence > sequence:
            reasons.append(.older(by: content.sequence - sequence))
        case .content: break
        }
        if FileStamp.read(traces.anchorFile).map({ !$0.isSame(as: anchor) }) ?? true { reasons.append(.copied) }
        if let here = traces.machine, let machine, here != machine { reasons.append(.otherMachine) }
        let behind = seenUnixMilliseconds - traces.unixMilliseconds
        if traces.isClockSynchronised, behind > Self.day { reasons.append(.clockBehind(days: behind / Self.day)) }
        return reasons
    }

    /// The note of a new history.
    public static func begin(after sequence: UInt64, _ traces: Traces) throws(StoreError) -> GenerationNote {
        GenerationNote(
            instance: randomBytes(16), sequence: sequence + 1, machine: traces.machine,
            anchor: try FileStamp.make(traces.anchorFile), seenUnixMilliseconds: traces.unixMilliseconds)
    }
}
