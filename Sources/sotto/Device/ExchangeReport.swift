internal import DeviceClient
internal import Foundation

/// What one exchange cost, by layer, in bytes of UDP payload.
struct ExchangeReport: Codable, Sendable {
    struct Layers: Codable, Sendable {
        var frame = 0
        var handshake = 0
        var tag = 0
        var coap = 0
        var body = 0
        var total = 0
        var datagrams = 0

        mutating func add(_ report: DatagramReport) {
            frame += report.frame
            handshake += report.handshake
            tag += report.tag
            coap += report.coap
            body += report.body
            total += report.total
            datagrams += 1
        }
    }

    var what: String
    /// The answer's code, such as `2.04`; for what arrives nil.
    var code: String?
    var up = Layers()
    var down = Layers()
    /// Datagrams of ours that were sent again.
    var retransmissions = 0
    /// From handing over to the answer; nil for what arrives, since the device does not know when it was sent.
    var seconds: Double?

    init(_ what: String) {
        self.what = what
    }

    mutating func add(_ report: DatagramReport) {
        if report.direction == .up { up.add(report) } else { down.add(report) }
        if report.isRepetition, report.direction == .up { retransmissions += 1 }
    }

    /// One line for a person.
    var line: String {
        let repeated = retransmissions == 0 ? "" : ", \(retransmissions) sent again"
        return "\(up.total) bytes up, \(down.total) down in \(up.datagrams + down.datagrams) datagrams\(repeated)"
            + (seconds.map { String(format: ", %.1f s", $0) } ?? "")
    }

    var jsonLine: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
