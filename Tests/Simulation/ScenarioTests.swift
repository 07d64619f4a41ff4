import Foundation
import LinkModel
import Profiles
import ScenarioReading
import Simulation
import SimulationReports
import Testing

@Suite("Scenarios as a person writes them")
struct ScenarioTests {
    private func problem(_ text: String) -> String {
        do {
            let section = try YAMLSection.parse(text, file: "s.yaml")
            let scenario = try Scenario.read(section, profiles: InstalledProfiles(folders: []))
            _ = try Simulation(scenario)
            return ""
        } catch {
            return "\(error)"
        }
    }

    private static let link = "link: {rate_bps: 100}\n"
    private static let device = "devices:\n  - name: pump\n    traffic:\n      - {pattern: saturated, text_bytes: 24}\n"

    @Test("what is wrong is named with file, line, field, value and what is allowed")
    func errors() {
        #expect(problem("duration_s: 60\n" + Self.link + Self.device) == "")
        let cases: [(String, String)] = [
            (Self.link + Self.device, "s.yaml:1: duration_s: is missing"),
            ("duration_s: 60\n" + Self.device, "link: is missing"),
            ("duration_s: 60\n" + Self.link, "devices: is missing"),
            (
                "duration_s: 0\n" + Self.link + Self.device,
                "s.yaml:1: duration_s: \"0\" is not a number from 1 to 315360000 (seconds; the unit is not written)"
            ),
            (
                "duration_s: 60\n" + Self.link + Self.device.replacing("saturated", with: "sometimes"),
                "s.yaml:6: devices[0].traffic[0].pattern: \"sometimes\" is not one of periodic, poisson, bursts, saturated, file"
            ),
            (
                "duration_s: 60\n" + Self.link + Self.device.replacing("text_bytes", with: "text_byte"),
                "devices[0].traffic[0].text_byte: is not a key here; is \"text_bytes\" meant?"
            ),
            (
                "duration_s: 60\n" + Self.link + Self.device.replacing("pump", with: "p/ump"),
                "s.yaml:4: devices[0].name: \"p/ump\": letters"
            ),
            (
                "duration_s: 60\nseeds: 4\n" + Self.link + Self.device,
                "s.yaml:2: seeds: is not a key here; is \"seed\" meant?"
            ),
            (
                "duration_s: 60\n" + Self.link + Self.device + "    link: other\n",
                "s.yaml:7: devices[0].link: \"other\" is no link of this scenario; there are: link"
            ),
        ]
        for (text, expected) in cases {
            #expect(problem(text).contains(expected), "\(problem(text))")
        }
    }

    @Test("what cannot work is found before it runs")
    func impossible() {
        func scenario(_ link: String, _ bytes: Int = 24) -> String {
            "duration_s: 60\nlink: {\(link)}\n" + Self.device.replacing("text_bytes: 24", with: "text_bytes: \(bytes)")
        }
        #expect(problem(scenario("rate_bps: 100, mtu_bytes: 32", 100)).contains("does not fit"))
        #expect(problem(scenario("rate_bps: 100, mtu_bytes: 128", 16_384)).contains("does not fit"))
        // In blocks.
        #expect(problem(scenario("rate_bps: 100, mtu_bytes: 128", 100)) == "")
        #expect(problem(scenario("rate_bps: 100, mtu_bytes: 128", 20)) == "")
        let duty = "rate_bps: 100, bands: [{name: a, duty_percent: 0.1}]"
        #expect(problem(scenario(duty)).contains("the duty cycle never allows more than 3600 ms"))
        let pass = "rate_bps: 100, windows: {period_s: 600, open: [{from_s: 0, to_s: 3}]}"
        #expect(problem(scenario(pass)).contains("the longest pass has 3000 ms"))
    }

    @Test("a report stands by itself: seven drawings, nothing from elsewhere")
    func report() throws {
        let text =
            "duration_s: 1800\n" + Self.link + Self.device
            + "    power: {volts: 3.3, transmit_ma: 40, receive_ma: 11, sleep_ua: 5, battery_mah: 2400}\n"
        let scenario = try Scenario.read(
            try YAMLSection.parse(text, file: "s.yaml"), profiles: InstalledProfiles(folders: []))
        var timeline = Timeline(scenario)
        let simulation = try Simulation(scenario, record: { timeline.add($0) })
        simulation.run(until: .max)
        simulation.finish()
        let sweep = Sweep(scenario, duration: scenario.duration, unless: { false })
        #expect(sweep.loss.map(\.value) == [0, 5, 10, 20, 30, 50])
        let isFalling = zip(sweep.loss, sweep.loss.dropFirst()).allSatisfy { $0.perHour > $1.perHour }
        #expect(isFalling)
        let page = HTMLReport.render(simulation, timeline, sweep)
        #expect(page.components(separatedBy: "<section>").count - 1 == 7)
        #expect(page.components(separatedBy: "<svg").count - 1 >= 7)
        for word in ["<script", "http:", "https:", "src=", "@import", "url("] {
            #expect(!page.contains(word), "\(word)")
        }
        #expect(page.components(separatedBy: "<svg").count == page.components(separatedBy: "</svg>").count)
        let line = CSVReport.line(scenario, simulation.summary, simulated: simulation.now)
        #expect(
            line.split(separator: ",", omittingEmptySubsequences: false).count
                == CSVReport.header.split(separator: ",").count)
    }

    @Test("a capture has a section, its interfaces, and a packet with an address and a time of its own")
    func capture() {
        var capture = PacketCapture(interfaces: ["a up", "a down"])
        capture.add(
            [1, 2, 3], nanoseconds: 0x1_0000_0002, interface: 1, isUp: false, host: 0x010203, comment: "frame 1")
        let bytes = capture.take()
        func word(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) } }
        var types: [UInt32] = []
        var position = 0
        while position + 12 <= bytes.count {
            let length = Int(word(position + 4))
            types.append(word(position))
            #expect(length % 4 == 0 && word(position + length - 4) == UInt32(length))
            if types.last == 6 {
                #expect(word(position + 8) == 1)
                #expect(word(position + 12) == 1 && word(position + 16) == 2)
                #expect(word(position + 20) == 31)
                let packet = Array(bytes[position + 28..<position + 28 + 31])
                #expect(Array(packet[16..<20]) == [10, 1, 2, 3])
                #expect(Array(packet.suffix(3)) == [1, 2, 3])
                // The header's own checksum makes its sum come to all ones (RFC 791).
                var sum = stride(from: 0, to: 20, by: 2).reduce(0) { $0 + Int(packet[$1]) << 8 + Int(packet[$1 + 1]) }
                while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
                #expect(sum == 0xFFFF)
            }
            position += length
        }
        #expect(types == [0x0A0D_0D0A, 1, 1, 6])
        #expect(capture.take().isEmpty)
    }
}
