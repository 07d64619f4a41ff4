/// The bodies of one peer that are not finished, in both directions.
struct ServerBodies: Sendable {
    /// A body that comes by Q-Block1.
    struct Upload: Sendable {
        var key: BlockKey
        var receiver: RobustReceiver
        /// The newest block's: what is said of the body is said under its token.
        var token: [UInt8]
        var expires: Int64
    }

    /// An answer that goes by Q-Block2.
    struct Download: Sendable {
        var key: BlockKey
        /// Without its body.
        var head: Response
        var sender: RobustSender
        var token: [UInt8]
    }

    var assembler: BlockAssembler
    var slicer: BlockSlicer
    var uploads: [Upload] = []
    var downloads: [Download] = []
    let mostBytes: Int

    init(mostBytes: Int, lifetime: Int64) {
        self.mostBytes = mostBytes
        assembler = BlockAssembler(mostBytes: mostBytes, lifetime: lifetime)
        slicer = BlockSlicer(mostBytes: mostBytes, lifetime: lifetime)
    }

    var bytesHeld: Int {
        assembler.bytesHeld + slicer.bytesHeld + uploadBytes + downloadBytes
    }

    private var uploadBytes: Int {
        var sum = 0
        for upload in uploads { sum += upload.receiver.bytesHeld + upload.key.count }
        return sum
    }

    private var downloadBytes: Int {
        var sum = 0
        for download in downloads { sum += download.sender.body.count + download.key.count }
        return sum
    }

    var deadline: Int64? {
        var earliest: Int64?
        for upload in uploads { earliest = min(earliest ?? .max, upload.receiver.deadline, upload.expires) }
        for download in downloads {
            earliest = min(earliest ?? .max, download.sender.resumesAt ?? .max, download.sender.givesUpAt)
        }
        return earliest
    }

    mutating func expire(now: Int64) {
        assembler.expire(now: now)
        slicer.expire(now: now)
        uploads.removeAll { $0.expires <= now }
        downloads.removeAll { $0.sender.givesUpAt <= now }
    }

    /// The oldest make room; the newest stays, which is within the bound by itself.
    mutating func makeRoom() {
        while uploads.count > 1, uploadBytes > mostBytes { uploads.removeFirst() }
        while downloads.count > 1, downloadBytes > mostBytes { downloads.removeFirst() }
    }
}
