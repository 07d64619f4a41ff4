import Foundation
import Profiles
import Testing

@Suite("What is wrong in a profile is named with file, line, field, value and what is allowed")
struct HostileFileTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var yaml: String
        var says: String
        var testDescription: String { says }
    }

    @Test(
        "in a link",
        arguments: [
            Case(
                yaml: "rate_bps: 100\nrate_bsp: 1\n",
                says: "x.yaml:2: rate_bsp: is not a key here; is \"rate_bps\" meant? Known are: "),
            Case(yaml: "down:\n  colour: red\n", says: "x.yaml:2: down.colour: is not a key here. Known are: "),
            Case(
                yaml: "# a comment\nlatency_s: 200ms\n",
                says:
                    "x.yaml:2: latency_s: \"200ms\" is not a number from 0 to 2592000 (seconds; the unit is not written)"
            ),
            Case(
                yaml: "mtu_bytes: 51 B\n",
                says:
                    "x.yaml:1: mtu_bytes: \"51 B\" is not a whole number from 0 to 65507 (bytes; the unit is not written)"
            ),
            Case(
                yaml: "loss_percent: -1\n",
                says: "x.yaml:1: loss_percent: \"-1\" is not a number from 0 to 100 (percent; the unit is not written)"),
            Case(yaml: "loss_percent: .nan\n", says: "x.yaml:1: loss_percent: \".nan\" is not a number from 0 to 100"),
            Case(yaml: "latency_s: 1e999\n", says: "x.yaml:1: latency_s: \"1e999\" is not a number from 0 to 2592000"),
            Case(yaml: "latency_s: 0x10\n", says: "x.yaml:1: latency_s: \"0x10\" is not a number from"),
            Case(
                yaml: "mtu_bytes: 99999999999999999999\n",
                says: "x.yaml:1: mtu_bytes: \"99999999999999999999\" is not a whole number from 0 to 65507"),
            Case(
                yaml: "rate_bps: -5\n",
                says: "x.yaml:1: rate_bps: \"-5\" is neither a number from 0 (too fast to matter) to 10000000000"),
            Case(yaml: "rate_bps: 10400/0\n", says: "x.yaml:1: rate_bps: \"10400/0\" is neither"),
            Case(yaml: "rate_bps: 1.0000001\n", says: "x.yaml:1: rate_bps: \"1.0000001\" is neither"),
            Case(
                yaml: "rate_bps: 18446744073709551615/1\n",
                says: "x.yaml:1: rate_bps: \"18446744073709551615/1\" is neither"),
            Case(yaml: "rate_bps: [100]\n", says: "x.yaml:1: rate_bps: a text is expected"),
            Case(yaml: "up: 100\n", says: "x.yaml:1: up: keys and values are expected below it"),
            Case(yaml: "duplex: simplex\n", says: "x.yaml:1: duplex: \"simplex\" is not one of full, half"),
            Case(yaml: "turnaround_s: 1\n", says: "x.yaml:1: turnaround_s: is of no use without duplex: half"),
            Case(yaml: "keeps_order: maybe\n", says: "x.yaml:1: keeps_order: \"maybe\" is neither true nor false"),
            Case(
                yaml: "rate_bps: 100\nlora:\n  spreading_factor: 7\n  bandwidth_hz: 125000\n",
                says: "x.yaml:2: lora: one of rate_bps, lora and blocks"),
            Case(
                yaml: "lora:\n  spreading_factor: 13\n  bandwidth_hz: 125000\n",
                says: "x.yaml:2: lora.spreading_factor: \"13\" is not a whole number from 5 to 12"),
            Case(yaml: "lora:\n  spreading_factor: 7\n", says: "x.yaml:2: lora.bandwidth_hz: is missing"),
            Case(
                yaml: "lora:\n  spreading_factor: 7\n  bandwidth_hz: 125000\n  coding_rate: 5\n",
                says: "x.yaml:4: lora.coding_rate: \"5\" is not one of 4/5, 4/6, 4/7, 4/8"),
            Case(yaml: "outage_s: 5\n", says: "x.yaml:1: outage_s: is of no use without loss_percent"),
            Case(
                yaml: "loss_percent: 5\nbit_error_rate: 0.001\n",
                says: "x.yaml:2: bit_error_rate: loss_percent says already what is lost"),
            Case(yaml: "loss_percent: 100\noutage_s: 5\n", says: "x.yaml:1: loss_percent: \"100\" has to lie between"),
            Case(
                yaml: "lost_datagrams: 0120\n",
                says: "x.yaml:1: lost_datagrams: \"0120\": 0 (arrives) and 1 (lost) are expected"),
            Case(
                yaml: "trace:\n  down:\n    - from_s: 5\n      to_s: 2\n",
                says: "x.yaml:4: trace.down[0].to_s: \"2\" is not after from_s: \"5\""),
            Case(
                yaml: "windows:\n  period_s: 10\n  open:\n    - {from_s: 0, to_s: 4}\n    - {from_s: 3, to_s: 6}\n",
                says: "x.yaml:5: windows.open[1].from_s: \"3\" is before the end of the one before it"),
            Case(
                yaml: "windows:\n  period_s: 10\n  open:\n    - {from_s: 0, to_s: 11}\n",
                says: "x.yaml:4: windows.open[0].to_s: \"11\" is after period_s"),
            Case(
                yaml: "bands:\n  - {name: a, duty_percent: 0}\n",
                says: "x.yaml:2: bands[0].duty_percent: with 0 nothing could ever be sent"),
            Case(
                yaml: "bands:\n  - {name: a}\n  - {name: a}\n",
                says: "x.yaml:1: bands: \"a\" is the name of two of them"),
            Case(yaml: "bands: a\n", says: "x.yaml:1: bands: a list is expected, each item behind a dash"),
            Case(yaml: "bands: [a]\n", says: "x.yaml:1: bands: item 1: keys and values are expected"),
            Case(yaml: "downlink: after-uplink\n", says: "x.yaml:1: downlink: after-uplink needs downlink_openings"),
            Case(
                yaml: "downlink: after-uplink\ndownlink_openings:\n  - {delay_s: 1, band: g3}\n",
                says: "x.yaml:3: downlink_openings[0].band: \"g3\" is no band of the direction down; there are: all"),
            Case(yaml: "medium: slotted-aloha\n", says: "x.yaml:1: slot_s: is missing"),
            Case(
                yaml: "medium: aloha\nslot_s: 1\n",
                says: "x.yaml:2: slot_s: is of no use without medium: slotted-aloha or listen-before-talk"),
            Case(
                yaml: "medium: listen-before-talk\nslot_s: 1\ncontention_slots: [8]\n",
                says: "x.yaml:3: contention_slots: 2 numbers are expected, in brackets; there are 1"),
            Case(
                yaml: "medium: listen-before-talk\nslot_s: 1\ncontention_slots: [9, 8]\n",
                says: "x.yaml:3: contention_slots: \"9, 8\" does not rise"),
            Case(
                yaml: "carries: adapter\n",
                says: "x.yaml:1: carries: adapter: has to say what would carry the datagrams"),
            Case(yaml: "carries: pigeons\n", says: "x.yaml:1: carries: \"pigeons\" is not one of udp, adapter"),
            Case(
                yaml: "sources:\n  - fields: [rate_bps]\n    from: a book\n",
                says: "x.yaml:2: sources[0].fields: \"rate_bps\" does not stand in this file"),
            Case(
                yaml: "rate_bps: 1\nsources:\n  - fields: [rate_bps]\n", says: "x.yaml:3: sources[0].from: is missing"),
        ])
    func link(wrong: Case) {
        let text = refusal { () throws(FieldError) in try parseLink(wrong.yaml) }
        #expect(text.hasPrefix(wrong.says), "\(text)")
    }

    @Test(
        "in a device",
        arguments: [
            Case(yaml: "security: {pattern: KK}\n", says: "x.yaml:1: link: is missing"),
            Case(
                yaml: "link: nowhere\nsecurity: {pattern: KK}\n",
                says: "x.yaml:1: link: \"nowhere\": no link profile of this name is installed"),
            Case(
                yaml: "link: reference-100bps\n",
                says: "x.yaml:1: security.pattern: is missing: KK, KKpsk0, IK, XXpsk0, NNpsk0, provisioned"),
            Case(
                yaml: "link: reference-100bps\nsecurity: {pattern: NN}\n",
                says:
                    "x.yaml:2: security.pattern: \"NN\" is not one of KK, KKpsk0, IK, XXpsk0, NNpsk0, provisioned: it does not prove who the device is"
            ),
            Case(
                yaml:
                    "link: reference-100bps\nsecurity:\n  pattern: NNpsk0\n  key_reference: \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n",
                says: "x.yaml:4: security.key_reference: looks like a key itself"),
            Case(yaml: leastDevice + "ota: {allowed: true}\n", says: "x.yaml:3: ota: is not a key here"),
            Case(
                yaml: "link: reference-100bps\nsecurity: {pattern: KK, tag_bytes: 8}\n",
                says: "x.yaml:2: security.tag_bytes: is not a key here"),
            Case(
                yaml: "link: lorawan-eu868-dr0\nsecurity: {pattern: KK}\n",
                says:
                    "x.yaml:2: security.pattern: KK shakes hands, handshakes never fragment, and lorawan-eu868-dr0 carries 51 bytes, less than 128: only a provisioned session works"
            ),
            Case(
                yaml: "link: sigfox-rc1\nsecurity: {pattern: provisioned}\n",
                says: "x.yaml:1: link: sigfox-rc1 carries 12 bytes up; the shortest frame has 18 + 1 = 19"),
            Case(
                yaml: "link: ax25-1200\nsecurity: {pattern: KK}\n",
                says:
                    "x.yaml:1: link: ax25-1200 is a link of amateur radio, where most countries forbid encryption, and Sotto always encrypts; security.encryption_permitted: true says"
            ),
            Case(
                yaml:
                    "link: {rate_bps: 100, mtu_bytes: 24, duplex: half}\nsecurity: {pattern: provisioned}\npayload:\n  codec: template\n  fields:\n    - {name: t, bits: 48}\n",
                says:
                    "x.yaml:4: payload.codec: a reading needs 18 (frame) + 1 (CoAP) + 6 (body) = 25 bytes, and link carries 24 up"
            ),
            Case(
                yaml:
                    "link:\n  rate_bps: 100\n  bands:\n    - {name: g, duty_percent: 0.05}\nsecurity: {pattern: KK}\n",
                says:
                    "x.yaml:1: link: a reading is on the air for 2.48 s, and the band g never allows more than 1.80 s in 60.0 min"
            ),
            Case(
                yaml:
                    "link:\n  rate_bps: 100\n  bands:\n    - {name: g, duty_percent: 1}\nsecurity: {pattern: KK}\npower:\n  interval_s: 60\n",
                says: "x.yaml:7: power.interval_s: makes 1440 messages a day, and duty cycle up: 1 % in g allows 336"),
            Case(
                yaml: leastDevice + "power: {interval_s: 60}\nlimits: {messages_per_hour: 30}\n",
                says: "x.yaml:3: power.interval_s: makes 60 messages an hour, more than limits.messages_per_hour: 30"),
            Case(
                yaml: leastDevice + "payload:\n  fields:\n    - {name: a b}\n",
                says: "x.yaml:5: payload.fields[0].name: \"a b\": letters, digits and -:./_"),
            Case(
                yaml: leastDevice + "payload:\n  fields:\n    - {name: t, unit: °C}\n",
                says:
                    "x.yaml:5: payload.fields[0].unit: \"°C\" is not a unit of SenML (RFC 8428, 8798); is \"Cel\" meant?"
            ),
            Case(
                yaml: leastDevice + "payload:\n  fields:\n    - {name: t, bits: 8}\n",
                says: "x.yaml:5: payload.fields[0].bits: is of no use without codec: template"),
            Case(
                yaml: leastDevice + "payload:\n  codec: template\n  fields:\n    - {name: t}\n",
                says: "x.yaml:6: payload.fields[0].bits: is missing: 1 to 53"),
            Case(
                yaml: leastDevice + "payload:\n  codec: template\n  fields:\n    - {name: t, bits: 54}\n",
                says: "x.yaml:6: payload.fields[0].bits: \"54\" is not a whole number from 1 to 53"),
            Case(
                yaml: leastDevice + "payload:\n  codec: template\n  fields:\n    - {name: t, bits: 8, scale: 0}\n",
                says: "x.yaml:6: payload.fields[0].scale: scale 0, or a value of this field"),
            Case(
                yaml: leastDevice + "payload:\n  codec: template\n  fields:\n    - {name: t, bits: 53, scale: 10}\n",
                says: "x.yaml:6: payload.fields[0].scale: scale 0, or a value"),
            Case(
                yaml: leastDevice + "payload:\n  codec: template\n",
                says: "x.yaml:4: payload.fields: a template has 1 to 64 of them"),
            Case(
                yaml: leastDevice
                    + "payload:\n  fields:\n    - {name: t}\n  examples:\n    - {values: {u: 1}, hex: 00, body: x}\n",
                says: "x.yaml:7: payload.examples[0].values.u: is not a field of this payload; there are: t"),
            Case(
                yaml: leastDevice
                    + "payload:\n  fields:\n    - {name: t}\n  examples:\n    - {values: {t: 1}, hex: 0g, body: x}\n",
                says: "x.yaml:7: payload.examples[0].hex: \"0g\" is not an even number of hexadecimal digits"),
            Case(
                yaml: leastDevice
                    + "payload:\n  fields:\n    - {name: t, max: 5}\n  examples:\n    - {values: {t: 5.1}, hex: 00, body: x}\n",
                says: "x.yaml:7: payload.examples[0].values.t: 5.1 is above the field's max"),
            Case(
                yaml: leastDevice + "matrix: {room: garden}\n",
                says: "x.yaml:3: matrix.room: \"garden\" is neither per-device"),
            Case(
                yaml: leastDevice + "payload: {fields: [{name: t}]}\nmatrix:\n  events:\n    - {when: u < 3}\n",
                says: "x.yaml:6: matrix.events[0].when: \"u\" is not a field of the payload; there are: t"),
            Case(
                yaml: leastDevice + "payload: {fields: [{name: t}]}\nmatrix:\n  events:\n    - {when: t near 3}\n",
                says: "x.yaml:6: matrix.events[0].when: \"t near 3\" is not FIELD SIGN NUMBER"),
            Case(
                yaml: leastDevice + "commands:\n  - {verb: a}\n  - {verb: a}\n",
                says: "x.yaml:5: commands[1].verb: \"a\" stands here twice"),
            Case(
                yaml: leastDevice + "power: {class: duty-listen}\n",
                says: "x.yaml:3: power.listen_every_s: is missing with class: duty-listen"),
            Case(
                yaml: leastDevice + "power:\n  battery: {capacity_mah: 1000, voltage_v: 3}\n",
                says: "x.yaml:4: power.battery: is of no use without currents"),
            Case(
                yaml: leastDevice + "profile: {schema: 2}\n",
                says: "x.yaml:3: profile.schema: 2 is newer than what this program reads: 1"),
            Case(
                yaml: leastDevice + "test: {seeds: [-1]}\n",
                says: "x.yaml:3: test.seeds: \"-1\" is not a whole number from 0 to 18446744073709551615"),
        ])
    func device(wrong: Case) {
        let text = refusal { () throws(FieldError) in try parseDevice(wrong.yaml) }
        #expect(text.hasPrefix(wrong.says), "\(text)")
    }

    @Test(
        "in what is hardly YAML",
        arguments: [
            Case(yaml: "a: 1\nb: [\n", says: "x.yaml:3: is not YAML: "),
            Case(yaml: "\tx: 1\n", says: "x.yaml:1: is not YAML: "),
            Case(yaml: "- 1\n", says: "x.yaml:1: keys and values are expected"),
            Case(
                yaml: "rate_bps: 1\nlatency_s: 2\nrate_bps: 3\n", says: "x.yaml:1: rate_bps: stands here more than once"
            ),
            Case(yaml: "up:\n  rate_bps: 1\n  rate_bps: 1\n", says: "x.yaml:2: rate_bps: stands here more than once"),
            Case(yaml: "a: &x 1\nb: *x\n", says: "x.yaml:1: anchors (&name) and aliases (*name) are not allowed"),
            Case(
                yaml: "rate_bps: 1\n<<: *base\n", says: "x.yaml:2: anchors (&name) and aliases (*name) are not allowed"),
            Case(yaml: "rate_bps: 1\n---\nrate_bps: 2\n", says: "x.yaml:2: is not YAML: "),
            Case(yaml: "[a, b]: 1\n", says: "x.yaml:1: a name is expected before the colon"),
            Case(yaml: "a: \u{0}\n", says: "x.yaml:1: is not YAML: "),
        ])
    func syntax(wrong: Case) {
        let text = refusal { () throws(FieldError) in try parseLink(wrong.yaml) }
        #expect(text.hasPrefix(wrong.says), "\(text)")
    }

    @Test("a bomb of aliases is refused before it is unfolded, wherever its marks stand")
    func bomb() {
        var yaml = "a0: &a0 [x, x]\n"
        for level in 1...60 { yaml += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        yaml += "? *a60\n: 1\n"
        #expect(refusal { () throws(FieldError) in try parseLink(yaml) }.contains("x.yaml:1: anchors"))
        for form in [
            "k: {a: &b c}", "k: [&b c]", "k:\n  - &b c", "{\"k\":&b c}", "? &b c", "&b k: c", "k: !!str &b c",
            "k:\u{2028}&b c",
        ] {
            #expect(refusal { () throws(FieldError) in try parseLink(form) }.contains("anchors"), "\(form)")
        }
    }

    @Test("an ampersand or an asterisk in a text is no anchor")
    func harmless() throws {
        let profile = try parseLink("description: \"R&D * 2 & more\"\n")
        #expect(profile.description == "R&D * 2 & more")
    }

    @Test("what is deep, long or wide is refused in time")
    func large() {
        let clock = ContinuousClock()
        let took = clock.measure {
            for text in [
                "a: " + String(repeating: "[", count: 200_000), "a: " + String(repeating: "{a: ", count: 50_000),
                String(repeating: "- ", count: 100_000), String(repeating: "? ", count: 100_000),
                "a: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900),
                "rate_bps: " + String(repeating: "9", count: 200_000), String(repeating: "k", count: 200_000) + ": 1",
                (0..<20_000).map { "key\($0): 1\n" }.joined(), String(repeating: "#", count: 10_000_000),
                "name: \"" + String(repeating: "\\x41", count: 50_000) + "\"\nx: 1",
            ] {
                let error = refusal { () throws(FieldError) in try parseLink(text) }
                #expect(error.hasPrefix("x.yaml:"), "\(text.prefix(20))")
                #expect(error.utf8.count < 2000, "\(text.prefix(20))")
            }
        }
        #expect(took < .seconds(20))
    }

    @Test("a file that is too long, no file at all, or not UTF-8 is refused")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("a.yaml")
        func error() -> String { refusal { () throws(FieldError) in try LinkProfile.load(file.path) } }
        #expect(error().hasPrefix("\(file.path): cannot be read: "))
        try Data(repeating: 0x23, count: 300_000).write(to: file)
        #expect(error() == "\(file.path): is too long: at most 262144 bytes are read")
        try Data([0x61, 0x3A, 0x20, 0xFF]).write(to: file)
        #expect(error() == "\(file.path): is not UTF-8")
        #expect(
            refusal { () throws(FieldError) in try LinkProfile.load(folder.path) }
                .hasPrefix("\(folder.path): cannot be read: "))
        #expect(
            refusal { () throws(FieldError) in try LinkProfile.load("/dev/zero") }
                == "/dev/zero: is too long: at most 262144 bytes are read")
    }

    @Test("no damage to a committed profile makes the reader crash")
    func damaged() throws {
        var seed: UInt64 = 7
        func random(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        let texts = try ["lorawan-eu868-dr0", "sigfox-rc1", "argos-a2"].map {
            try String(contentsOfFile: committed.file($0, .links), encoding: .utf8)
        }
        let devices = try committed.names(.devices).map {
            try String(contentsOfFile: committed.file($0, .devices), encoding: .utf8)
        }
        let pieces = [
            "-1", "99999999999999999999", "[", "{", "null", "'", ": ", "\n", "  ", "1e308", "~", "- ", "😀", "0",
        ]
        var refused = 0
        for round in 0..<600 {
            let isDevice = round % 2 == 0
            var bytes = Array((isDevice ? devices : texts)[random(isDevice ? devices.count : texts.count)].utf8)
            for _ in 0...random(3) {
                let place = random(bytes.count)
                if random(2) == 0 {
                    bytes.removeSubrange(place..<min(bytes.count, place + 1 + random(20)))
                } else {
                    bytes.insert(contentsOf: Array(pieces[random(pieces.count)].utf8), at: place)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let error =
                isDevice
                ? refusal { () throws(FieldError) in
                    let profile = try parseDevice(text)
                    _ = (profile.failures(file: "x"), Explanation(profile).text)
                    return profile.about.name
                }
                : refusal { () throws(FieldError) in
                    Explanation(try parseLink(text), bodyBytes: 12).text
                }
            if !error.isEmpty { refused += 1 }
            #expect(error.isEmpty || error.hasPrefix("x.yaml:") || error.contains(".yaml:"), "\(error)")
        }
        #expect(refused > 100)
        #expect(refused < 600)
    }
}
