internal import FuzzSupport
internal import SecureDatagram

/// Any bytes as the header of a datagram. The first byte chooses the direction.
enum FrameFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) -> String? {
        var script = Script(input)
        let fromDevice = script.byte() & 1 == 1
        let datagram = script.remainder()
        guard let parsed = FrameHeader.parse(datagram, fromDevice: fromDevice) else { return nil }
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
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 { FrameFuzz.feed(data, count) }
#endif
