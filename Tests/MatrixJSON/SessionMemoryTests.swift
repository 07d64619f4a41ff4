import MatrixJSON
import TestSupport
import Testing

@Suite("What a session remembers")
struct SessionMemoryTests {
    static let room = "!GVDPJRdcVFDPYbHPqU:example.org"

    static func send(_ text: String, room: String = room, transaction: String = "m1.0") -> CompactRequest {
        CompactRequest(
            method: "PUT", target: "/_matrix/client/v3/rooms/\(room)/send/m.room.message/\(transaction)",
            body: ["msgtype": "m.text", "body": .string(text)])
    }

    static func pair(_ sizes: SessionMemory.Sizes) -> (device: SessionMemory, gateway: SessionMemory) {
        (
            SessionMemory(sizes: sizes, isGateway: false, session: "s"),
            SessionMemory(sizes: sizes, isGateway: true, session: "s")
        )
    }

    /// The transaction id that the other end makes of one that need not travel.
    static func renamed(_ request: CompactRequest, frame: UInt64) -> CompactRequest {
        var request = request
        request.target = request.target.replacing("/m1.0", with: "/~s.\(frame).0")
        return request
    }

    @Test("the second message of a shape is its text and a byte, and its answer the event id and a byte")
    func steady() throws {
        var (device, gateway) = Self.pair(.edge)
        var sizes: [Int] = []
        for frame in UInt64(0)..<3 {
            let request = Self.send("hell\(frame)")
            let up = device.encode(request, frame: frame)
            #expect(try gateway.decodeRequest(up, frame: frame) == Self.renamed(request, frame: frame))
            device.acknowledged(frame)
            let answer: JSONValue = ["event_id": .string("$" + String(repeating: "Rt\(frame)x", count: 10) + "abc")]
            let down = gateway.encode(answer, to: request, frame: frame)
            #expect(try device.decodeAnswer(down, to: request, frame: frame) == answer)
            gateway.acknowledged(frame)
            sizes += [up.count, down.count]
        }
        #expect(sizes[4] == 6)
        #expect(sizes[5] == 33)
    }

    @Test("a device with 256 bytes and no contexts names its room in three bytes")
    func smallTable() throws {
        var (device, gateway) = Self.pair(.device)
        var sizes: [Int] = []
        for frame in UInt64(0)..<20 {
            let request = Self.send("hello")
            let up = device.encode(request, frame: frame)
            #expect(try gateway.decodeRequest(up, frame: frame) == Self.renamed(request, frame: frame))
            device.acknowledged(frame)
            sizes.append(up.count)
        }
        #expect(sizes[0] > sizes[1] + 20)
        #expect(Set(sizes[1...]).count == 1)
    }

    @Test("nothing is referred to before it is acknowledged, and what is unknown is said to be")
    func acknowledgement() throws {
        var (device, gateway) = Self.pair(.edge)
        let first = device.encode(Self.send("hello"), frame: 0)
        // Lost. The second must stand for itself.
        let second = device.encode(Self.send("hello"), frame: 1)
        #expect(try gateway.decodeRequest(second, frame: 1) == Self.renamed(Self.send("hello"), frame: 1))
        #expect(second.count >= first.count)
        device.acknowledged(1)
        let third = device.encode(Self.send("hello"), frame: 2)
        #expect(third.count < 10)
        gateway.discard()
        #expect(throws: CBORCodecError.self) { try gateway.decodeRequest(third, frame: 2) }
        do {
            _ = try gateway.decodeRequest(third, frame: 2)
        } catch {
            #expect(error.reason == .unknownReference)
        }
        device.unknown(2)
        let again = device.encode(Self.send("hello"), frame: 3, remembers: false)
        #expect(try gateway.decodeRequest(again, frame: 3) == Self.renamed(Self.send("hello"), frame: 3))
        device.acknowledged(3)
        #expect(device.encode(Self.send("hello"), frame: 4).count < 10)
    }

    @Test("a guessed secret gives equal length whether right or wrong")
    func secrets() throws {
        let guess = "correct horse battery staple"
        // A guess costs what it costs; what must not show is whether it is the secret.
        let secrets = [guess, "4sDq8HnX0zRw2mVb6cKe1tYu9pLa"]
        #expect(secrets[0].utf8.count == secrets[1].utf8.count)
        func login(_ secret: String) -> CompactRequest {
            CompactRequest(
                method: "POST", target: "/_matrix/client/v3/login",
                body: [
                    "type": "m.login.password", "password": .string(secret), "device_id": "SENSOR0001",
                    "initial_device_display_name": .string(guess),
                ])
        }
        func toDevice(_ secret: String) -> CompactRequest {
            CompactRequest(
                method: "PUT", target: "/_matrix/client/v3/sendToDevice/m.x/m1.0",
                body: ["messages": ["@a:example.org": ["X": ["body": .string(secret)]]]])
        }
        func lengths(_ make: @escaping (String) -> [CompactRequest]) -> [Int] {
            secrets.map { secret in
                var (device, _) = Self.pair(.edge)
                var last = 0
                for (frame, request) in make(secret).enumerated() {
                    last = device.encode(request, frame: UInt64(frame)).count
                    device.acknowledged(UInt64(frame))
                }
                return last
            }
        }
        let places: [(String) -> [CompactRequest]] = [
            // Beside the secret, and in a message to a room after it went by.
            { [login($0)] }, { [Self.send("x"), login($0), Self.send(guess)] },
            { [Self.send("x"), toDevice($0), Self.send(guess)] },
            // In another room than the one where it was said.
            { [Self.send($0, room: "!other:example.org"), Self.send(guess)] },
        ]
        for (place, make) in places.enumerated() {
            let lengths = lengths(make)
            #expect(lengths[0] == lengths[1], "\(place): \(lengths)")
        }
        // In its own room a text may be shorter for having been said before: the test sees differences where there are any.
        let same = lengths { [Self.send($0 + " " + $0), Self.send(guess)] }
        print("a text said before in the same room, and one that was not: \(same)")
    }

    @Test("to-device messages, keys and account data teach nothing and learn nothing")
    func alone() throws {
        for target in [
            "/_matrix/client/v3/sendToDevice/m.room_key/m1.0", "/_matrix/client/v3/keys/upload",
            "/_matrix/client/v3/user/@a:example.org/account_data/m.x", "/_matrix/client/v3/unknown/thing",
        ] {
            var (device, gateway) = Self.pair(.edge)
            let method = target.contains("account_data") || target.contains("sendToDevice") ? "PUT" : "POST"
            let request = CompactRequest(
                method: method, target: target, body: ["origin": "example.org", "x": "@alice:example.org"])
            var sizes: [Int] = []
            for frame in UInt64(0)..<3 {
                let bytes = device.encode(request, frame: frame)
                #expect(try gateway.decodeRequest(bytes, frame: frame) == Self.renamed(request, frame: frame))
                device.acknowledged(frame)
                sizes.append(bytes.count)
            }
            #expect(Set(sizes).count == 1, "\(target) \(sizes)")
        }
    }

    @Test("an opaque value costs two bytes, and comes back by the name that the client has")
    func opaque() throws {
        var (device, gateway) = Self.pair(.edge)
        let sync = CompactRequest(method: "GET", target: "/_matrix/client/v3/sync?since=~s.7.0&timeout=30000")
        let up = device.encode(sync, frame: 9)
        #expect(try gateway.decodeRequest(up, frame: 9) == sync)
        let answer: JSONValue = ["next_batch": "~s.12.0"]
        let down = gateway.encode(answer, to: sync, frame: 12)
        #expect(try device.decodeAnswer(down, to: sync, frame: 12) == answer)
        #expect(down.count <= 6)
        // Another session's name, and text that only looks like one, are text.
        for text in ["~t.12.0", "~s.12.00", "~s.12.16", "~s.x.0", "~s.12", "~s.11.0"] {
            let answer: JSONValue = ["next_batch": .string(text)]
            let bytes = gateway.encode(answer, to: sync, frame: 12)
            #expect(try device.decodeAnswer(bytes, to: sync, frame: 12) == answer)
        }
    }
}
