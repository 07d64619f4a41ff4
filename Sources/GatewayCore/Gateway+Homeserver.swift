internal import CompactMatrix
internal import MatrixJSON

extension Gateway {
    /// Whether a device has something that only the homeserver can bring on.
    func wants(_ device: Device) -> Bool {
        // What a device had sent before it was revoked is still delivered.
        guard !device.record.isRevoked || device.queued > 0 else { return false }
        switch device.record.room.state {
        case .pending: return true
        case .joined:
            guard let roomID = device.record.room.roomID, rooms[roomID] == nil else { return !device.uplinks.isEmpty }
            // One device reads the room for all.
            return !roomsBeingRead.contains(roomID)
        case .refused, .encrypted: return false
        }
    }

    /// Starts the next call for a device, one at a time: its user, its room, what is known of the room, then its messages
    /// in their order.
    func startCall(of number: UInt32) {
        guard let device = devices[number], !device.callUnderWay, wants(device) else { return }
        let user = userID(of: device.record)
        if !device.record.isRegistered {
            let displayName = configuration.displayName.replacing("NAME", with: device.record.name)
            call(.register(localpart: localpart(of: device.record), displayName: displayName), device: number)
        } else if device.record.room.state == .pending {
            call(.join(room: device.record.room.requested, userID: user), device: number)
        } else if let roomID = device.record.room.roomID {
            if rooms[roomID] == nil {
                // Also after each start: a room may have become encrypted meanwhile.
                call(.state(roomID: roomID, userID: user), device: number)
            } else if let uplink = device.uplinks.first {
                send(uplink, of: number, to: roomID, as: user)
            }
        }
    }

    private func send(_ uplink: UplinkRecord, of number: UInt32, to roomID: String, as user: String) {
        guard let resource = Resource(rawValue: uplink.resource),
            let content = try? RoomContent(resource: resource, body: uplink.body)
        else {
            refuse(uplink, of: number, "the stored message is damaged")
            return
        }
        let time = content.unixSeconds.map { $0 * 1000 } ?? uplink.receivedUnixMilliseconds
        call(
            .send(
                HomeserverCall.Send(
                    roomID: roomID, userID: user, eventType: content.eventType, transactionID: uplink.requestID,
                    content: content.json(id: uplink.requestID, unixMilliseconds: time), unixMilliseconds: time)),
            device: number, uplink: uplink.id)
    }

    func call(_ call: HomeserverCall, device: UInt32?, uplink: Int64? = nil) {
        calls[nextCallID] = CallContext(device: device, uplink: uplink, call: call)
        actions.calls.append(Actions.Call(id: nextCallID, call: call))
        if case .state(let roomID, _) = call { roomsBeingRead.insert(roomID) }
        if let device { devices[device]?.callUnderWay = true }
        nextCallID += 1
    }

    /// A call has ended.
    public func finished(_ id: UInt64, _ result: Result<HomeserverReply, HomeserverFailure>, now: Moment) {
        guard let context = calls.removeValue(forKey: id) else { return }
        clock = now
        if case .state(let roomID, _) = context.call {
            roomsBeingRead.remove(roomID)
            // Where it came to nothing, another one reads it.
            reschedule()
            for number in devices.inRoom(roomID) { devices.mark(number) }
        }
        if let number = context.device {
            devices[number]?.callUnderWay = false
            touched.insert(number)
        }
        switch result {
        case .success(let reply):
            reachable()
            if let number = context.device {
                devices[number]?.failures = 0
                succeeded(context, reply, of: number, now: now)
                advance(number, now: now)
            }
        case .failure(.temporary(let reason, let retryAfter)):
            wait(context, reason, retryAfter, now: now)
        case .failure(.refused(let errcode, let message)):
            reachable()
            if let number = context.device { devices[number]?.failures = 0 }
            refused(context, errcode, message, now: now)
        }
    }

    private func reachable() {
        hasHomeserverAnswered = true
        if homeserverProblem != nil { note(.info, "the homeserver answers again") }
        homeserverProblem = nil
        homeserverFailures = 0
        homeserverNotBefore = 0
    }

    /// A rate limit concerns one device; silence and 5xx concern all, unless others get their answers: then the device by
    /// itself is tried more and more seldom.
    private func wait(_ context: CallContext, _ reason: String, _ retryAfter: Int64?, now: Moment) {
        if let retryAfter, let number = context.device {
            devices[number]?.notBefore = now.monotonic + min(max(0, retryAfter), Self.longestPause) * 1_000_000
            return
        }
        if let number = context.device {
            let failures = devices[number]?.failures ?? 0
            devices[number]?.failures = failures + 1
            devices[number]?.notBefore = now.monotonic + Self.backoff(failures)
        }
        if homeserverProblem == nil {
            note(.warning, "the homeserver cannot be used, trying again: \(reason)")
        }
        homeserverProblem = reason
        if homeserverNotBefore <= now.monotonic {
            homeserverNotBefore = now.monotonic + Self.backoff(homeserverFailures)
            homeserverFailures += 1
        }
        if case .ping = context.call { pingAgain = true }
    }

    /// In milliseconds; whatever the homeserver asks for.
    private static var longestPause: Int64 { 3_600_000 }

    /// 1 s, doubled with each failure before, up to a minute.
    private static func backoff(_ failures: Int) -> Int64 {
        min(Int64(1) << Int64(min(failures, 6)), 60) * 1_000_000_000
    }

    private func succeeded(_ context: CallContext, _ reply: HomeserverReply, of number: UInt32, now: Moment) {
        guard var device = devices[number] else { return }
        device.recordChanged = true
        switch (context.call, reply) {
        case (.register, _):
            device.record.isRegistered = true
        case (.join, .joined(let roomID)):
            device.record.room.roomID = roomID
            device.record.room.state = .joined
            // What was known of the room is from before: it may have become encrypted since. It is read again first.
            rooms[roomID] = nil
            note(.info, "joined its room \(roomID)", device: number)
        case (.state(let roomID, _), .state(let events)):
            devices[number] = device
            if !context.isOutdated { learn(RoomState(events), of: roomID, now: now) }
            return
        case (.send, .sent(let eventID)):
            devices[number] = device
            confirm(uplink: context.uplink, of: number, eventID: eventID)
            return
        default:
            break
        }
        devices[number] = device
    }

    /// An event is in the room, by the homeserver's answer or by its own echo: whichever comes first.
    func confirm(uplink id: Int64?, of number: UInt32, eventID: String) {
        guard let index = devices[number]?.uplinks.firstIndex(where: { $0.id == id }) else { return }
        dequeue(at: index, of: number)
        devices[number]?.record.delivered += 1
        flow.deliver(now: clock.monotonic)
        devices[number]?.recordChanged = true
        touched.insert(number)
        if let id { actions.writes.append(.removeUplink(id: id)) }
    }

    private func refused(_ context: CallContext, _ errcode: String, _ message: String, now: Moment) {
        guard let number = context.device, var device = devices[number] else {
            note(.error, "the homeserver refused the gateway: \(errcode) \(message)")
            return
        }
        let reason = "\(errcode): \(message)"
        switch context.call {
        case .ping:
            break
        case .register:
            device.record.room.state = .refused(reason)
            note(.error, "its user \(userID(of: device.record)) cannot be made: \(reason)", device: number)
        case .join, .state:
            device.record.room.state = .refused(reason)
            device.recordChanged = true
            note(
                .error,
                "may not enter \(device.record.room.requested) (\(reason)); invite \(userID(of: device.record)) there",
                device: number)
        case .send:
            if let uplink = device.uplinks.first(where: { $0.id == context.uplink }) {
                refuse(uplink, of: number, reason)
                advance(number, now: now)
            }
            return
        }
        devices[number] = device
    }

    /// The homeserver will never take this message: it is kept and shown, and the next one goes.
    private func refuse(_ uplink: UplinkRecord, of number: UInt32, _ reason: String) {
        var refused = uplink
        refused.refusal = reason
        actions.writes.append(.uplink(refused))
        if let index = devices[number]?.uplinks.firstIndex(where: { $0.id == uplink.id }) {
            dequeue(at: index, of: number)
        }
        devices[number]?.record.refused += 1
        devices[number]?.recordChanged = true
        touched.insert(number)
        note(.error, "the homeserver refused a message for good: \(reason)", device: number)
    }

    /// What a room is like now, for every device in it.
    func learn(_ state: RoomState, of roomID: String, now: Moment) {
        rooms[roomID] = state
        reschedule()
        for number in devices.inRoom(roomID) {
            touched.insert(number)
            if state.isEncrypted, let device = devices[number], device.record.room.state == .joined {
                devices[number]?.record.room.state = .encrypted
                devices[number]?.recordChanged = true
                let held = device.queued == 0 ? "" : "; \(device.queued) accepted messages are held"
                note(
                    .error,
                    "its room \(roomID) is encrypted, and nothing goes there in clear\(held): give it another room",
                    device: number)
            }
            verifyCommands(of: number, now: now)
            advance(number, now: now)
        }
    }
}
