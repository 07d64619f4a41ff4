import CoAP
import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import Testing

@Suite("Timers that follow the link")
struct LearntTimerTests {
    let room = "!room:example.org"

    /// How long a device waits before it repeats a message whose answer is lost, and how many repetitions it made before,
    /// none of them needed, over so many exchanges.
    func learnt(
        _ link: Link, told: Link? = nil, exchanges: Int = 20
    ) -> (wait: Int64, needless: Int) {
        World.with(seed: 1, link: link, told: told) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            for index in 0..<exchanges {
                device.send(.text("message \(index)" + String(repeating: "x", count: index * 7 % 50)))
                world.run(for: hour, until: { device.hasSentAll && world.isQuiet })
                world.run(for: minute)
            }
            let needless = device.reports.filter { $0.direction == .up && $0.isRepetition }.count
            device.send(.text("lost"))
            let start = world.now
            device.loseWhatArrives(for: 10 * minute)
            let count = device.reports.count
            world.run(for: hour) { device.reports.dropFirst(count).contains { $0.direction == .up && $0.isRepetition } }
            return (world.now - start, needless)
        }
    }

    @Test("where the rate is known, the margin for processing and jitter gives way to what was measured")
    func rateKnown() {
        // The link says that answers may take 5 s longer than they do.
        var link = Link.slow(bitsPerSecond: 1000)
        link.processing = 5 * second
        let (wait, needless) = learnt(link)
        #expect(needless == 0)
        // 1 s of latency both ways, 0.2 s of request, 0.3 s of the expected answer.
        #expect(wait > 1_200_000_000 && wait < 3 * second, "\(wait)")
    }

    @Test(
        "where it is not known, a fast link is found out, and a link as slow as can be is not repeated to in vain",
        arguments: [100, 300, 1000, 20_000])
    func rateUnknown(bitsPerSecond: UInt64) {
        let link = Link.slow(bitsPerSecond: bitsPerSecond)
        var told = link
        told.up.bitsPerSecond = 0
        told.down.bitsPerSecond = 0
        told.isRateKnown = false
        let (wait, needless) = learnt(link, told: told)
        #expect(needless <= 1)
        // An exchange of about 60 bytes, a second of latency.
        let expected = Int64(60 * 8 * 1_000_000_000 / bitsPerSecond) + second
        #expect(wait > expected / 2 && wait < expected * 5 / 2, "\(wait)")
    }

    @Test("jitter is learnt: repetitions get rare on a link whose latency varies by seconds")
    func jitter() {
        let (wait, needless) = learnt(Link.slow(bitsPerSecond: 1000, jitter: 4 * second), exchanges: 60)
        #expect(needless <= 6)
        #expect(wait > 4 * second && wait < 20 * second, "\(wait)")
    }

    @Test("an outage of many round trips ends no request, however quick answers were before")
    func outage() {
        World.with(seed: 2, link: Link.slow(bitsPerSecond: 20_000, latency: 50_000_000)) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            for index in 0..<20 { device.send(.text("message \(index)")) }
            world.run(for: hour, until: { device.hasSentAll && world.isQuiet })
            world.weather.loss = 1000
            device.send(.text("patient"))
            world.run(for: 9 * second)
            world.weather = .perfect
            world.run(for: hour, until: { device.hasSentAll })
            #expect(device.accepted.count == 21)
        }
    }
}
