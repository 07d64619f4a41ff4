import TestSupport
import Testing

@testable import SecureDatagram

@Suite("Device numbers, varints and frame headers")
struct EncodingTests {
    @Test("every device number has one encoding, which reads back as the number and nothing more")
    func everyDeviceNumber() {
        var wrong: [UInt32] = []
        for raw in 0...DeviceNumber.largest {
            guard let number = DeviceNumber(raw) else {
                wrong.append(raw)
                continue
            }
            let encoded = number.encoded
            let length = raw < 128 ? 1 : raw < 16_512 ? 2 : 3
            if encoded.count != length || number.encodedCount != length || DeviceNumber(encoded, at: 0) != number {
                wrong.append(raw)
            }
        }
        #expect(wrong == [])
        #expect(DeviceNumber(DeviceNumber.largest + 1) == nil)
        #expect(DeviceNumber(.max) == nil)
        #expect(DeviceNumber.largest == 2_113_663)
    }

    @Test("every sequence of bytes that reads as a device number is that number's encoding")
    func everyEncoding() {
        var wrong: [String] = []
        var read = 0
        for first in UInt8.min...UInt8.max {
            if let number = DeviceNumber([first], at: 0) {
                read += 1
                if number.encoded != [first] || first > 0x7F { wrong.append(hex([first])) }
            }
            for second in UInt8.min...UInt8.max {
                let bytes = [first, second]
                guard let number = DeviceNumber(bytes, at: 0), first > 0x7F else { continue }
                read += 1
                if number.encoded != bytes || first > 0xBF { wrong.append(hex(bytes)) }
            }
        }
        #expect(read == 128 + 16_384)
        // Of three bytes there are as many as numbers that take three, so that those are told apart by coming back; the
        // prefix 111 is nothing.
        for first in UInt8(0xE0)...0xFF {
            for second in UInt8.min...UInt8.max {
                let bytes = [first, second, second, second]
                if DeviceNumber(bytes, at: 0) != nil { wrong.append(hex(bytes)) }
            }
        }
        #expect(wrong == [])
    }

    @Test("device numbers at the steps, cut short, and behind other bytes")
    func deviceNumberEdges() {
        let edges: [(UInt32, String)] = [
            (0, "00"), (127, "7f"), (128, "8000"), (129, "8001"), (16_511, "bfff"), (16_512, "c00000"),
            (16_513, "c00001"),
            (2_113_663, "dfffff"),
        ]
        for (raw, encoding) in edges {
            #expect(DeviceNumber(raw)?.encoded == bytes(hex: encoding))
            #expect(DeviceNumber([0xFF, 0xFF] + bytes(hex: encoding), at: 2)?.rawValue == raw)
            #expect(DeviceNumber(Array(bytes(hex: encoding).dropLast()), at: 0) == nil)
            #expect(DeviceNumber(bytes(hex: encoding), at: 3) == nil)
        }
    }

    @Test("varints come back, and only in their shortest form")
    func varints() {
        let known: [(UInt64, String)] = [
            (0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (16_383, "ff7f"), (16_384, "808001"),
            (1 << 63, "80808080808080808001"), (.max, "ffffffffffffffffff01"),
        ]
        for (value, encoding) in known {
            var encoded: [UInt8] = [0xAA]
            Varint.append(value, to: &encoded)
            #expect(encoded == [0xAA] + bytes(hex: encoding))
            var offset = 1
            #expect(Varint.read(encoded + [0xBB], at: &offset) == value)
            #expect(offset == encoded.count)
            for length in 0..<encoded.count - 1 {
                var start = 0
                #expect(Varint.read(Array(bytes(hex: encoding).prefix(length)), at: &start) == nil)
            }
        }
        for encoding in [
            "8000", "808000", "ff00", "ffffffffffffffffff02", "ffffffffffffffffff7f", "ffffffffffffffffff8100",
            "80808080808080808080", "8080808080808080808001", "ffffffffffffffffffff01",
        ] {
            var offset = 0
            #expect(Varint.read(bytes(hex: encoding), at: &offset) == nil, "\(encoding)")
        }
        var random = SplitMix64(seed: 11)
        var wrong: [UInt64] = []
        for _ in 0..<20_000 {
            let value = random.next() >> UInt64(random.below(64))
            var encoded: [UInt8] = []
            Varint.append(value, to: &encoded)
            var offset = 0
            if Varint.read(encoded, at: &offset) != value || offset != encoded.count { wrong.append(value) }
        }
        #expect(wrong == [])
    }

    @Test("headers have the bytes of the protocol's table, up with a device number and down without")
    func headerBytes() throws {
        let device = try #require(DeviceNumber(300))
        #expect(hex(FrameHeader.write(number: 0, form: .short, device: nil)) == "c0")
        #expect(hex(FrameHeader.write(number: 0x1_7F, form: .short, device: nil)) == "ff")
        #expect(hex(FrameHeader.write(number: 0x1_7F, form: .short, device: device)) == "ff" + "80ac")
        #expect(hex(FrameHeader.write(number: 0xABCD, form: .medium, device: nil)) == "ab" + "cd")
        #expect(hex(FrameHeader.write(number: 0xABCD, form: .medium, device: device)) == "ab" + "80ac" + "cd")
        #expect(
            hex(FrameHeader.write(number: 0x0102_0304_0506_0708, form: .long, device: nil)) == "91" + "0102030405060708"
        )
        #expect(
            hex(FrameHeader.write(number: .max, form: .long, device: device)) == "91" + "80ac" + "ffffffffffffffff")
    }

    @Test("what is written is parsed, for both directions, every form and numbers of any size")
    func headerRoundTrip() throws {
        var random = SplitMix64(seed: 12)
        var wrong: [String] = []
        for _ in 0..<10_000 {
            let number = random.next() >> UInt64(random.below(64))
            let device = try #require(DeviceNumber(UInt32(random.below(2_113_664) >> random.below(21))))
            let (form, bits): (FrameHeader.NumberForm, UInt8) =
                [(.short, 6), (.medium, 13), (.long, 64)][random.below(3)]
            let isUp = random.chance(50)
            let header = FrameHeader.write(number: number, form: form, device: isUp ? device : nil)
            let value = bits == 64 ? number : number & ((1 << UInt64(bits)) - 1)
            let parsed = FrameHeader.parse(header + [1, 2, 3], fromDevice: isUp)
            if parsed?.header != .transport(.init(bits: bits, value: value)) || parsed?.device != (isUp ? device : nil)
                || parsed?.bodyOffset != header.count
            {
                wrong.append(hex(header))
            }
            for length in 0..<header.count
            where FrameHeader.parse(Array(header.prefix(length)), fromDevice: isUp) != nil {
                wrong.append("cut " + hex(header))
            }
        }
        #expect(wrong == [])
    }

    @Test("of the 256 first bytes only those of the table are ours")
    func firstBytes() throws {
        for first in UInt8.min...UInt8.max {
            let datagram = [first, 5] + [UInt8](repeating: 0, count: 40)
            let parsed = FrameHeader.parse(datagram, fromDevice: true)
            switch first {
            case 0x80, 0x84, 0x88, 0x8C:
                let kind = try #require(HandshakeKind(rawValue: first >> 2 & 3))
                #expect(parsed?.header == .handshake(.init(kind, .message1)))
                #expect(parsed?.opening == kind)
                // Who is not enrolled has no number.
                #expect(parsed?.device?.rawValue == (kind == .ik ? nil : 5))
            case 0x83, 0x87, 0x8B, 0x8F:
                #expect(
                    parsed?.header
                        == .handshake(.init(try #require(HandshakeKind(rawValue: first >> 2 & 3)), .message1WithCookie))
                )
            case 0x81, 0x85, 0x89, 0x8D: #expect(parsed?.opening == nil)
            case 0x8E:
                #expect(parsed?.closing == .xxpsk0 && parsed?.opening == nil)
            case 0x91: #expect(parsed?.header == .transport(.init(bits: 64, value: 0)))
            case 0xA0...0xBF: #expect(parsed?.header == .transport(.init(bits: 13, value: UInt64(first & 0x1F) << 8)))
            case 0xC0...0xFF: #expect(parsed?.header == .transport(.init(bits: 6, value: UInt64(first & 0x3F))))
            // Plain CoAP, DTLS, STUN, and what is kept for later.
            default: #expect(parsed == nil, "\(first)")
            }
        }
        #expect(FrameHeader.parse([], fromDevice: true) == nil)
        #expect(FrameHeader.parse([], fromDevice: false) == nil)
    }

    // MARK: Reconstruction

    @Test("a short number is read as the nearest one to what is expected, at every distance that the form spans")
    func nearest() {
        var wrong: [String] = []
        for bits: UInt64 in [6, 13] {
            let half = UInt64(1) << (bits - 1)
            for expected: UInt64 in [
                0, 1, 5, 31, 32, 33, 63, 64, 65, 1_000, 4_095, 4_096, 8_192, 1 << 32, (1 << 60) + 7, .max - 20_000,
                .max - 65, .max - 40, .max - 20, .max - 17,
            ] {
                let steps = stride(from: UInt64(0), to: half, by: bits == 6 ? 1 : 37)
                for distance in steps {
                    var numbers: [UInt64] = []
                    if distance <= expected { numbers.append(expected - distance) }
                    if distance <= UInt64.max - expected { numbers.append(expected + distance) }
                    for number in numbers {
                        let truncated = FrameHeader.TruncatedNumber(
                            bits: UInt8(bits), value: number & ((1 << bits) - 1))
                        if truncated.nearest(to: expected) != number {
                            wrong.append("\(bits) bits, \(number) near \(expected)")
                        }
                    }
                }
            }
        }
        #expect(wrong == [])
        // Half a window back or ahead: ahead, as RFC 9000 has it.
        #expect(FrameHeader.TruncatedNumber(bits: 6, value: 1_032 & 63).nearest(to: 1_000) == 1_032)
        #expect(FrameHeader.TruncatedNumber(bits: 6, value: 967 & 63).nearest(to: 999) == 1_031)
        #expect(FrameHeader.TruncatedNumber(bits: 13, value: 9_096 & 8_191).nearest(to: 5_000) == 9_096)
        let whole = FrameHeader.TruncatedNumber(bits: 64, value: 77)
        #expect(whole.nearest(to: .max) == 77)
    }

    @Test("the sender's form follows how far the peer may lag behind")
    func forms() {
        let cases: [(UInt64, UInt64?, FrameHeader.NumberForm)] = [
            (0, nil, .short), (14, nil, .short), (15, nil, .medium), (2_046, nil, .medium), (2_047, nil, .long),
            (100, 100, .short), (115, 100, .short), (116, 100, .medium), (2_147, 100, .medium), (2_148, 100, .long),
            (5, 100, .short), (.max - 20, 0, .long), (.max - 20, .max - 30, .short),
        ]
        for (number, confirmed, form) in cases {
            #expect(FrameHeader.NumberForm(number: number, confirmed: confirmed) == form, "\(number)")
        }
    }
}
