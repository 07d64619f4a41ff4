internal import FuzzSupport
internal import NoiseSodium
internal import SecureDatagram

/// Any bytes as the header of a datagram, and as a hint. The first byte chooses the direction.
enum FrameFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) -> String? {
        var script = Script(input)
        let fromDevice = script.byte() & 1 == 1
        let datagram = script.remainder()
        if let wrong = hint(datagram) { return wrong }
        guard let parsed = FrameHeader.parse(datagram, fromDevice: fromDevice) else { return nil }
        // A gateway's words come down only, and name nobody.
        if parsed.header == .hint || parsed.header == .retry {
            return fromDevice || parsed.device != nil ? "a hint or retry that came up" : nil
        }
        // Who enrols has no number yet: the byte says so.
        let namesDevice = fromDevice && datagram.first.map { $0 >> 2 } != 0b10_0001
        guard (parsed.device != nil) == namesDevice else { return "a device number in the wrong place" }
        if let device = parsed.device {
            guard Array(datagram.dropFirst().prefix(device.encoded.count)) == device.encoded else {
                return "a device number that would be written otherwise"
            }
            guard DeviceNumber(device.rawValue) == device else { return "a device number out of range" }
        }
        guard case .transport(let number) = parsed.header else { return nil }
        guard [6, 13, 64].contains(number.bits) else { return "a form of \(number.bits) bits" }
        guard number.bits == 64 || number.value >> UInt64(number.bits) == 0 else {
            return "more bits than the form has"
        }
        return nil
    }

    /// A hint answers the frame that it was written for; any other bytes answer none.
    private static func hint(_ bytes: [UInt8]) -> String? {
        let frame: [UInt8] = [0xC0, 5, 1, 2, 3]
        let written = Hint.write(answering: frame, WireSuite.self)
        guard Hint.answers(bytes, frame, WireSuite.self) == (bytes == written) else { return "a wrong echo was taken" }
        let own = Hint.write(answering: bytes, WireSuite.self)
        guard FrameHeader.parse(own, fromDevice: false)?.header == .hint,
            FrameHeader.parse(own, fromDevice: true) == nil
        else { return "a hint that is read as something else" }
        return Hint.answers(own, bytes, WireSuite.self) ? nil : "a hint that does not answer its frame"
    }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 { FrameFuzz.feed(data, count) }
#endif
