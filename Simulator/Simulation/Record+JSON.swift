internal import LinkModel

extension Record {
    /// Appends the line, its end included.
    ///
    /// - Parameter deviceName: JSON text already, without quotes.
    public func write(to bytes: inout [UInt8], deviceName: [UInt8]) {
        var line = Line(bytes: bytes)
        bytes = []
        line.begin(time)
        switch event {
        case .message(let length):
            line.event("message", deviceName, message)
            line.number("bytes", length)
        case .request: line.event("request", deviceName, message)
        case .datagram(let frame, let heading, let length, let layers, let isRepetition):
            line.event("datagram", deviceName, message)
            line.frame(frame, heading)
            line.number("bytes", length)
            if let layers {
                line.number("header", layers.frame)
                line.number("handshake", layers.handshake)
                line.number("tag", layers.tag)
                line.number("coap", layers.coap)
                line.number("body", layers.body)
            }
            if isRepetition { line.flag("repetition") }
        case .start(let frame, let heading, let until, let channel, let waits):
            line.event("start", deviceName, message)
            line.frame(frame, heading)
            line.number("until", until)
            line.number("channel", channel)
            for (name, time) in waits.parts { line.number("wait_" + name, time) }
        case .arrive(let frame, let heading, let isCopy, let flippedBit):
            line.event("arrive", deviceName, message)
            line.frame(frame, heading)
            if isCopy { line.flag("copy") }
            if let flippedBit { line.number("flipped", flippedBit) }
        case .lost(let frame, let heading, let reason):
            line.event("lost", deviceName, message)
            line.frame(frame, heading)
            line.text("why", reason.name)
        case .drop(let frame, let heading, let reason):
            line.event("drop", deviceName, message)
            line.frame(frame, heading)
            line.text("why", reason.name)
        case .journalled: line.event("journalled", deviceName, message)
        case .accepted(let code):
            line.event("accepted", deviceName, message)
            line.number("code", Int(code >> 5) * 100 + Int(code & 31))
        case .unanswered: line.event("unanswered", deviceName, message)
        case .inRoom: line.event("room", deviceName, message)
        case .said(let length):
            line.event("said", deviceName, message)
            line.number("bytes", length)
        case .heard: line.event("heard", deviceName, message)
        case .homeserver(let isUp): line.event(isUp ? "homeserver_up" : "homeserver_down", [], nil)
        }
        line.end()
        bytes = line.bytes
    }
}

/// JSON by hand: a log has millions of lines, and must come out the same everywhere.
private struct Line {
    var bytes: [UInt8]

    mutating func begin(_ time: Int64) {
        bytes.append(contentsOf: "{\"t\":".utf8)
        decimal(time)
    }

    mutating func event(_ name: String, _ device: [UInt8], _ message: Int?) {
        bytes.append(contentsOf: ",\"e\":\"".utf8)
        bytes.append(contentsOf: name.utf8)
        bytes.append(0x22)
        if !device.isEmpty {
            bytes.append(contentsOf: ",\"d\":\"".utf8)
            bytes.append(contentsOf: device)
            bytes.append(0x22)
        }
        if let message { number("m", message) }
    }

    mutating func frame(_ frame: UInt64, _ heading: Heading) {
        bytes.append(contentsOf: ",\"f\":".utf8)
        decimal(Int64(clamping: frame))
        bytes.append(contentsOf: heading == .up ? ",\"way\":\"up\"".utf8 : ",\"way\":\"down\"".utf8)
    }

    mutating func number(_ key: String, _ value: some BinaryInteger) {
        name(key)
        decimal(Int64(clamping: value))
    }

    mutating func text(_ key: String, _ value: String) {
        name(key)
        bytes.append(0x22)
        bytes.append(contentsOf: value.utf8)
        bytes.append(0x22)
    }

    mutating func flag(_ key: String) {
        name(key)
        bytes.append(contentsOf: "true".utf8)
    }

    mutating func end() {
        bytes.append(0x7D)
        bytes.append(0x0A)
    }

    private mutating func name(_ key: String) {
        bytes.append(contentsOf: ",\"".utf8)
        bytes.append(contentsOf: key.utf8)
        bytes.append(contentsOf: "\":".utf8)
    }

    private mutating func decimal(_ value: Int64) {
        var rest = value.magnitude
        if value < 0 { bytes.append(0x2D) }
        let begin = bytes.count
        repeat {
            bytes.append(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[begin...].reverse()
    }
}
