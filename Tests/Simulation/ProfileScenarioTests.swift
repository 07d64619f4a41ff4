import CompactMatrix
import Foundation
import LinkModel
import Profiles
import ScenarioReading
import Simulation
import Testing

private let committed = InstalledProfiles(folders: [
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Firmware-Profiles").path
])

@Suite("Device profiles in the simulator")
struct ProfileScenarioTests {
    private func device(_ name: String) throws -> DeviceProfile {
        try DeviceProfile.load(committed.file(name, .devices), committed)
    }

    @Test("each worked device keeps what its profile says of its latency", arguments: committed.names(.devices))
    func latency(name: String) throws {
        let profile = try device(name)
        #expect(profile.test.latency95 != nil && profile.test.seeds.count >= 3)
        #expect(profile.scenarioFailures(file: name, committed) == [])
    }

    @Test(
        "what a profile says of its bytes is what the machines send, handshake included",
        arguments: committed.names(.devices))
    func bytes(name: String) throws {
        let profile = try device(name)
        var scenario = try #require(profile.ownScenario)
        for index in scenario.links.indices {
            scenario.links[index].link.up.loss = .none
            scenario.links[index].link.down.loss = .none
        }
        let explanation = Explanation(profile)
        var up: Set<Int> = []
        var down: Set<Int> = []
        var handshakes: [Int] = []
        var messages: [UInt64: Int] = [:]
        let simulation = try Simulation(
            scenario,
            record: { record in
                guard case .datagram(let frame, let heading, let bytes, let layers, let isRepetition) = record.event
                else { return }
                messages[frame] = record.message
                if (layers?.handshake ?? 0) > 0 {
                    handshakes.append(bytes)
                } else if heading == .up {
                    if !isRepetition { up.insert(bytes) }
                } else if record.message ?? 0 > 0 {
                    down.insert(bytes)
                }
            })
        simulation.run(until: .max)
        simulation.finish()
        #expect(simulation.summary.accepted > 50 && simulation.summary.refused == 0)
        #expect(up == [explanation.bytesUp], "\(explanation.bytesSum)")
        #expect(down == [explanation.bytesDown])
        #expect(handshakes == (explanation.handshakeUp.map { [$0] } ?? []))
    }

    @Test(
        "a profile whose promise does not hold is named with its line, and so is one that promises nothing that can be run"
    )
    func failing() throws {
        func failures(_ test: String, interval: String = "  interval_s: 900\n") throws -> String {
            let yaml = """
                link: reference-100bps
                security: {pattern: KK}
                power:
                  class: always-on
                \(interval)test:
                \(test)
                """
            let section = try YAMLSection.parse(yaml, file: "x.yaml")
            let profile = try DeviceProfile.read(section, name: "x", committed)
            return profile.scenarioFailures(file: "x.yaml", committed).map(\.description).joined(separator: "\n")
        }
        #expect(try failures("  bytes_per_message: 20\n") == "")
        #expect(try failures("  p95_latency_s: 60\n  seeds: [1, 2]\n") == "")
        let slow = try failures("  p95_latency_s: 2\n")
        #expect(slow.hasPrefix("x.yaml:7: test.p95_latency_s: 2.0 s are expected, and it takes "), "\(slow)")
        let silent = try failures("  p95_latency_s: 2\n", interval: "")
        #expect(silent.hasPrefix("x.yaml:6: test.p95_latency_s: is of no use without test.scenarios"), "\(silent)")
        let missing = try failures("  scenarios: [nowhere.yaml]\n")
        #expect(missing.hasPrefix("x.yaml:7: test.scenarios: "), "\(missing)")
        #expect(missing.contains("nowhere.yaml: cannot be read"))
    }

    @Test(
        "a device group takes link, session, traffic and power from its profile, and what stands in the scenario first")
    func group() throws {
        let text = """
            duration_s: 86400
            devices:
              - {name: soil, profile: lorawan-eu868-soil-sensor}
              - name: meter
                profile: nbiot-meter
                traffic: [{pattern: poisson, mean_s: 600, text_bytes: 9}]
            """
        let scenario = try Scenario.read(try YAMLSection.parse(text, file: "s.yaml"), profiles: committed)
        #expect(scenario.links.map(\.name) == ["lorawan-eu868-dr0", "nbiot-ce2"])
        #expect(scenario.devices.map(\.link) == [0, 1])
        #expect(scenario.devices[0].isProvisioned == true && scenario.devices[1].isProvisioned == false)
        #expect(scenario.devices[0].traffic.map(\.pattern) == [.periodic(every: 10_800_000_000_000, jitter: 0)])
        #expect(scenario.devices[0].traffic[0].content.uplink.body.count == 3)
        #expect(scenario.devices[0].power?.battery == 2400 && scenario.devices[0].power?.transmitting == 29_000)
        #expect(scenario.devices[1].traffic.map(\.pattern) == [.poisson(mean: 600_000_000_000)])
        #expect(scenario.devices[1].traffic[0].content.uplink.body.count == 10)
    }

    @Test("a handshake that no datagram of the link carries is found before the run, with its line")
    func noHandshake() throws {
        let text = """
            duration_s: 60
            link: {rate_bps: 100, mtu_bytes: 100}
            devices:
              - name: a
                provisioned: false
                traffic: [{pattern: saturated}]
            """
        let scenario = try Scenario.read(try YAMLSection.parse(text, file: "s.yaml"), profiles: committed)
        do {
            _ = try Simulation(scenario)
            Issue.record("it ran")
        } catch {
            #expect(error.line == 4)
            #expect(
                error.description.contains("handshakes never fragment and need 128 bytes, and the link carries 100"))
        }
    }
}
