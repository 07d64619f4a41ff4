import DeviceClient
import Links
import NoiseSodium
import Testing

@testable import GatewayCore

@Suite("Many devices, long queues")
struct ScaleTests {
    @Test("the schedule gives what a sorted list gives, in whatever order times are set, moved and taken back")
    func schedule() {
        var random = SplitMix(state: 11)
        var schedule = GatewayCore.Schedule()
        var model: [UInt32: (time: Int64, order: Int)] = [:]
        for order in 0..<20_000 {
            let number = UInt32(random.next() % 50)
            switch random.next() % 4 {
            case 0:
                schedule[number] = nil
                model[number] = nil
            case 1:
                let now = Int64(random.next() % 100)
                let first = model.min { ($0.value.time, $0.value.order) < ($1.value.time, $1.value.order) }
                #expect(schedule.earliest() == first?.value.time)
                let due = first.flatMap { $0.value.time <= now ? $0.key : nil }
                #expect(schedule.popDue(now: now) == due)
                if let due { model[due] = nil }
            default:
                let time = Int64(random.next() % 100)
                schedule[number] = time
                // The same time once more keeps the place.
                if model[number]?.time != time { model[number] = (time, order) }
                #expect(schedule[number] == time)
            }
        }
    }

    private struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
    }

    /// Gateways of so many devices, all of them known to the homeserver, one room for ten.
    private static func gateway(devices: Int, queued: Int, callLimit: Int = 64) -> Gateway<WireSuite> {
        var state = StoredState()
        for number in 1...UInt32(devices) {
            var record = DeviceRecord(
                number: number, name: "d\(number)", publicKey: [], addedUnixMilliseconds: 0,
                room: RoomMapping(requested: "!r", roomID: "!r\(number / 10)", state: .joined))
            record.isRegistered = true
            state.devices.append(record)
            state.queued[number] = queued
            for index in 0..<min(8, queued) {
                state.uplinks.append(
                    UplinkRecord(
                        id: Int64(index) * Int64(devices) + Int64(number), device: number,
                        requestID: "\(number).\(index)", resource: 0x74, body: [0x61, 0x78],
                        receivedUnixMilliseconds: 1))
            }
        }
        state.newestUplinkID = Int64(queued) * Int64(devices)
        var configuration = Gateway<WireSuite>.Configuration(
            privateKeys: [[UInt8](repeating: 1, count: 32)], serverName: "example.org",
            link: Link.slow(bitsPerSecond: 1000))
        configuration.callLimit = callLimit
        return Gateway(
            configuration: configuration, state: state, now: Moment(monotonic: 0, unixMilliseconds: 0),
            random: { [UInt8](repeating: 3, count: $0) })
    }

    private static func reply(to call: HomeserverCall) -> HomeserverReply {
        switch call {
        case .state: .state([])
        case .send(let send): .sent(eventID: "$" + send.transactionID)
        case .join(let room, _): .joined(roomID: room)
        case .ping, .register: .done
        }
    }

    @Test(
        "a homeserver never has more calls at a time than it may, each room is read once, and every device has its turn"
    )
    func calls() {
        let gateway = Self.gateway(devices: 200, queued: 3, callLimit: 10)
        gateway.start(now: Moment(monotonic: 0, unixMilliseconds: 0))
        var open: [Actions.Call] = []
        var reads: [String: Int] = [:]
        var sent: [String] = []
        var now: Int64 = 0
        repeat {
            now += 1_000_000
            open += gateway.takeActions().calls
            #expect(open.count <= 10)
            let call = open.removeFirst()
            if case .state(let room, _) = call.call { reads[room, default: 0] += 1 }
            if case .send(let send) = call.call { sent.append(send.transactionID) }
            gateway.finished(
                call.id, .success(Self.reply(to: call.call)), now: Moment(monotonic: now, unixMilliseconds: 0))
        } while !open.isEmpty || gateway.deadline.map({ $0 <= now }) ?? false
        #expect(reads.count == 21 && reads.values.allSatisfy { $0 == 1 })
        #expect(sent.count == 600)
        // In rounds: nobody has sent the last of three when another has not sent its first.
        let lastFirst = sent.lastIndex { $0.hasSuffix(".0") } ?? .max
        let firstLast = sent.firstIndex { $0.hasSuffix(".2") } ?? .min
        #expect(lastFirst < firstLast)
        for number in 1...200 {
            #expect(sent.filter { $0.hasPrefix("\(number).") } == (0..<3).map { "\(number).\($0)" })
        }
    }

    @Test("while the homeserver does not answer only a few calls try it, and what they find is for all")
    func outage() {
        let gateway = Self.gateway(devices: 500, queued: 1)
        gateway.start(now: Moment(monotonic: 0, unixMilliseconds: 0))
        var now: Int64 = 0
        var tried = 0
        for _ in 0..<200 {
            for call in gateway.takeActions().calls {
                tried += 1
                gateway.finished(
                    call.id, .failure(.temporary("no connection", retryAfterMilliseconds: nil)),
                    now: Moment(monotonic: now, unixMilliseconds: 0))
            }
            now = max(now, gateway.deadline ?? now)
            gateway.handleTimeout(now: Moment(monotonic: now, unixMilliseconds: 0))
            if now > 600_000_000_000 { break }
        }
        // Ten minutes: 64 at once, then some at 1, 2, 4 ... 60 s.
        #expect(now > 600_000_000_000)
        #expect((70...300).contains(tried), "\(tried)")
    }

    @Test("what a call costs does not grow with the number of devices")
    func cost() {
        func seconds(devices: Int) -> Double {
            let gateway = Self.gateway(devices: devices, queued: 0)
            _ = gateway.takeActions()
            let address = PeerAddress(ip: [127, 0, 0, 1], port: 1)
            var best = Double.infinity
            for _ in 0..<5 {
                let clock = ContinuousClock()
                let time = clock.measure {
                    for step in 1...200 {
                        let now = Moment(monotonic: Int64(step), unixMilliseconds: 0)
                        gateway.receive([0xC0] + [UInt8](repeating: 1, count: 20), from: address, now: now)
                        gateway.handleTimeout(now: now)
                        _ = gateway.takeActions()
                        _ = gateway.deadline
                    }
                }
                best = min(best, Double(time.components.attoseconds) / 1e18)
            }
            return best
        }
        let few = seconds(devices: 100)
        let many = seconds(devices: 20_000)
        #expect(many < 5 * few, "\(few) s with 100 devices, \(many) s with 20,000")
    }

    @Test("the gateway holds a few messages of a long queue, and sends all of them in order")
    func fetching() {
        let gateway = Self.gateway(devices: 1, queued: 100)
        gateway.start(now: Moment(monotonic: 0, unixMilliseconds: 0))
        var sent: [String] = []
        var most = 0
        for step in 1...400 {
            let now = Moment(monotonic: Int64(step), unixMilliseconds: 0)
            let actions = gateway.takeActions()
            for fetch in actions.fetches {
                let ids = (fetch.after + 1...max(fetch.after + 1, 100)).prefix(fetch.most).filter { $0 <= 100 }
                gateway.fetched(
                    ids.map {
                        UplinkRecord(
                            id: $0, device: 1, requestID: "1.\($0 - 1)", resource: 0x74, body: [0x61, 0x78],
                            receivedUnixMilliseconds: 1)
                    }, damaged: [], for: fetch, now: now)
            }
            most = max(most, gateway.devices[1]?.uplinks.count ?? 0)
            for call in actions.calls {
                if case .send(let send) = call.call { sent.append(send.transactionID) }
                gateway.finished(call.id, .success(Self.reply(to: call.call)), now: now)
            }
        }
        #expect(sent == (0..<100).map { "1.\($0)" })
        #expect(most <= 12)
        #expect(gateway.devices[1]?.queued == 0)
    }
}
