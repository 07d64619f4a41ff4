import CompactMatrix
import TestSupport
import Testing

@Suite("What a device sends to its room")
struct UplinkTests {
    @Test("a text is its UTF-8 behind one head")
    func text() {
        #expect(hex(Uplink.text("").body) == "60")
        #expect(hex(Uplink.text("hello").body) == "65" + "68656c6c6f")
        #expect(hex(Uplink.text("21 \u{b0}C").body) == "66" + "3231" + "20" + "c2b043")
        let long = String(repeating: "x", count: 300)
        #expect(Uplink.text(long).body == [0x79, 0x01, 0x2C] + Array(long.utf8))
        #expect(Uplink.text("").resource == .text)
    }

    @Test("a reading is one flat array: the time where there is one, then four items a value")
    func reading() {
        let temperature = MeasuredValue(name: "temperature", unit: "Cel", mantissa: 215, exponent: -1)
        let battery = MeasuredValue(name: "battery", unit: "V", mantissa: -371, exponent: -2)
        let count = MeasuredValue(name: "n", unit: "", mantissa: 9_007_199_254_740_991, exponent: 18)
        let temperatureBytes = "6b74656d7065726174757265" + "6343656c" + "18d7" + "20"
        let batteryBytes = "6762617474657279" + "6156" + "390172" + "21"
        #expect(hex(Uplink.reading(Reading(measurements: [temperature])).body) == "84" + temperatureBytes)
        #expect(
            hex(Uplink.reading(Reading(unixSeconds: 1_700_000_000, measurements: [temperature, battery])).body)
                == "89" + "1a6553f100" + temperatureBytes + batteryBytes)
        #expect(
            hex(Uplink.reading(Reading(unixSeconds: 0, measurements: [count])).body)
                == "85" + "00" + "616e" + "60" + "1b001fffffffffffff" + "12")
        // Six values are an array of more than a nibble.
        let six = Uplink.reading(Reading(measurements: [MeasuredValue](repeating: count, count: 6))).body
        #expect(Array(six.prefix(2)) == [0x98, 24])
        #expect(Uplink.reading(Reading(measurements: [])).resource == .reading)
    }

    @Test("an event is its type and its content, which goes in as it was encoded")
    func event() {
        let event = Uplink.event(type: "m.x", content: bytes(hex: "a1616101"))
        #expect(hex(event.body) == "82" + "636d2e78" + "a1616101")
        #expect(event.resource == .event)
    }

    @Test("each resource is one byte of path, and no other path is one")
    func resources() {
        let known: [(Resource, UInt8)] = [
            (.text, 0x74), (.reading, 0x72), (.event, 0x65), (.messages, 0x6D), (.packedReading, 0x70),
            (.exchange, 0x78),
        ]
        for (resource, byte) in known {
            #expect(resource.segment == [byte])
            #expect(Resource(path: [[byte]]) == resource)
        }
        var found = 0
        for byte in UInt8.min...UInt8.max where Resource(path: [[byte]]) != nil { found += 1 }
        #expect(found == 6)
        for path: [[UInt8]] in [[], [[]], [[0x74, 0x74]], [[0x74], [0x74]], [[0x74], []], [[], [0x74]]] {
            #expect(Resource(path: path) == nil, "\(path)")
        }
    }
}
