import CompactMatrix
import LinkModel
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
}
