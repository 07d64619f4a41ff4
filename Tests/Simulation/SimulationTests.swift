import CompactMatrix
import LinkModel
import Links
import Simulation
import Testing

private let second: Int64 = 1_000_000_000
private let hour: Int64 = 3600 * second

@Suite("A day in virtual time")
struct SimulationTests {
    private func slow(_ bits: UInt64 = 100, loss: LossModel = .none) -> RadioLink {
        let direction = RadioLink.Direction(
            Framing(.rate(Rate(bits: bits))), latency: second / 2, jitter: .uniform(upTo: second / 5), loss: loss)
        return RadioLink(up: direction, down: direction, processing: 2 * second)
    }

    private func log(_ scenario: Scenario) throws -> (text: [UInt8], simulation: Simulation) {
        var bytes: [UInt8] = []
        let simulation = try Simulation(scenario, record: { $0.write(to: &bytes, deviceName: Array("d".utf8)) })
        simulation.run(until: .max)
        simulation.finish()
        return (bytes, simulation)
    }

    @Test("every message of a lossless link reaches the room, and is known to have been accepted")
    func lossless() throws {
        let group = DeviceGroup(
            name: "pump", count: 3, traffic: [.init(.periodic(every: 120 * second, jitter: 20 * second), .text(20))],
            spread: 60 * second)
        let scenario = Scenario(
            name: "test", duration: 2 * hour, links: [.init(name: "radio", link: slow())], devices: [group])
        let (_, simulation) = try log(scenario)
        let summary = simulation.summary
        #expect(summary.offered >= 177)
        #expect(summary.unanswered == 0 && summary.refused == 0)
        // What is on its way when the time is over is not late.
        #expect(summary.accepted >= summary.offered - 3)
        #expect(summary.inRoom.count >= summary.offered - 3)
        #expect(summary.tallies.allSatisfy { $0.isBalanced })
        // 24 bytes of body and 20 of frame and header at least: more than 3 s, and half a second on the way.
        #expect(summary.inRoom.allSatisfy { $0 > 3 * second })
        #expect(summary.repetitions == 0)
    }

    @Test("the same scenario and seed give the same log, byte for byte; another seed another")
    func replay() throws {
        let scenario = Scenario(
            name: "test", seed: 5, duration: hour,
            links: [.init(name: "radio", link: slow(1200, loss: .bernoulli(perMillion: 200_000)))],
            devices: [
                DeviceGroup(
                    name: "pump", count: 5, traffic: [.init(.poisson(mean: 60 * second), .text(30))],
                    spread: 60 * second, watches: true)
            ], roomMessages: [.init(time: 600 * second, device: nil, text: "hello")])
        var other = scenario
        other.seed = 6
        let first = try log(scenario)
        #expect(first.text.count > 100_000)
        #expect(first.simulation.summary.heard.count >= 3)
        let again = try log(scenario).text
        let different = try log(other).text
        #expect(first.text == again)
        #expect(first.text != different)
    }

    @Test("over a link with passes a device neither gives up nor repeats while its datagrams wait for the next one")
    func passes() throws {
        var link = slow(2400)
        link.windows = .init(open: [3000 * second..<3600 * second], period: 4 * hour)
        let group = DeviceGroup(
            name: "buoy", count: 2, traffic: [.init(.bursts(every: 2 * hour, messages: 3, gap: 5 * second), .text(40))],
            spread: 600 * second)
        let scenario = Scenario(
            name: "passes", duration: 48 * hour, links: [.init(name: "satellite", link: link)], devices: [group])
        let (_, simulation) = try log(scenario)
        let summary = simulation.summary
        #expect(summary.unanswered == 0 && summary.repetitions == 0)
        // All but those of the last hours, which no pass has taken yet.
        #expect(summary.offered >= 2 * 24 * 3 && summary.accepted >= summary.offered - 18)
        #expect(summary.inRoom.allSatisfy { $0 < 4 * hour + 600 * second })
    }

    @Test("every byte down is known by layer, also of what gets lost or is damaged")
    func layersDown() throws {
        var link = slow(1200, loss: .bernoulli(perMillion: 300_000))
        link.down.corruptionPerMillion = 100_000
        let group = DeviceGroup(
            name: "pump", count: 3, traffic: [.init(.periodic(every: 120 * second, jitter: 0), .text(20))],
            spread: 100 * second)
        let scenario = Scenario(
            name: "layers", duration: 6 * hour, links: [.init(name: "radio", link: link)], devices: [group])
        let summary = try log(scenario).simulation.summary
        #expect(summary.tallies[0].lost.reduce(0, +) > 100)
        for index in 0..<2 {
            let layers = summary.layers[index]
            let known = layers.frame + layers.handshake + layers.tag + layers.coap + layers.body
            #expect(known == summary.bytes[index], "direction \(index)")
        }
    }
}
