internal import CompactMatrix
internal import Links
internal import MatrixJSON

extension Gateway {
    /// Takes what the homeserver pushes in one transaction. It may be answered once the actions' writes are on disk; an
    /// event that comes again has no effect.
    public func receive(_ events: [RoomEvent], now: Moment) {
        clock = now
        for event in events { receive(event, now: now) }
    }

    /// Whether a user is one of ours, to be answered when the homeserver asks.
    public func hasUser(_ userID: String) -> Bool {
        standing(userID: userID) != nil
    }

    private func receive(_ event: RoomEvent, now: Moment) {
        // Their own messages need no such note: an echo takes a row out of the queue, and finds none the second time.
        if event.stateKey != nil || !isOurs(event.sender) {
            guard let writes = taken.take(event.eventID) else { return }
            actions.writes += writes
        }
        if event.stateKey != nil {
            if event.type == "m.room.member" { receiveMembership(event, now: now) }
            if RoomState.isMoved(by: event) { outdateReads(of: event.roomID) }
            if var state = rooms[event.roomID] {
                state.apply(event)
                learn(state, of: event.roomID, now: now)
            }
            return
        }
        if isOurs(event.sender) {
            guard let number = standing(userID: event.sender), devices[number]?.record.room.roomID == event.roomID
            else {
                return
            }
            echo(event, of: number, now: now)
            return
        }
        reschedule()
        for number in devices.inRoom(event.roomID) where devices[number]?.record.isRevoked == false {
            offer(event, to: number, now: now)
        }
    }

    private func outdateReads(of roomID: String) {
        for (id, context) in calls {
            if case .state(roomID, _) = context.call { calls[id]?.isOutdated = true }
        }
    }

    /// The device of a user of ours; nil: there is none, or none any more.
    private func standing(userID: String) -> UInt32? {
        guard isOurs(userID) else { return nil }
        let name = userID.dropFirst(1 + configuration.userPrefix.count).dropLast(1 + configuration.serverName.count)
        reschedule()
        return devices.named(String(name)).first { number in
            devices[number].map { !$0.record.isRevoked && self.userID(of: $0.record) == userID } ?? false
        }
    }

    private func isOurs(_ user: String) -> Bool {
        user.hasPrefix("@" + configuration.userPrefix) && user.hasSuffix(":" + configuration.serverName)
    }

    /// A device's own event: it is in the room, whatever became of the answer to our request.
    private func echo(_ event: RoomEvent, of number: UInt32, now: Moment) {
        guard let id = event.content[RoomContent.idKey]?.stringValue,
            let uplink = devices[number]?.uplinks.first(where: { $0.requestID == id })
        else { return }
        confirm(uplink: uplink.id, of: number, eventID: event.eventID)
        advance(number, now: now)
    }

    private func receiveMembership(_ event: RoomEvent, now: Moment) {
        guard
            let user = event.stateKey, let number = standing(userID: user), var device = devices[number]
        else { return }
        switch event.content["membership"]?.stringValue {
        case "invite":
            // The operator named a room by id, or by an alias that only joining resolves: ask for that one.
            guard device.record.room.state != .joined else { return }
            device.record.room.state = .pending
        case "leave", "ban":
            guard event.roomID == device.record.room.roomID else { return }
            let reason = event.content["membership"]?.stringValue == "ban" ? "banned" : "removed"
            device.record.room.state = .refused("\(reason) by \(event.sender)")
            note(.error, "was \(reason) from its room by \(event.sender)", device: number)
            devices[number]?.record = device.record
        default:
            return
        }
        device.recordChanged = true
        devices[number] = device
        touched.insert(number)
        advance(number, now: now)
    }

    // MARK: What arrives

    private func offer(_ event: RoomEvent, to number: UInt32, now: Moment) {
        guard event.type == "m.room.message", event.content["msgtype"]?.stringValue == "m.text",
            event.content["m.relates_to"]?["rel_type"]?.stringValue != "m.replace",
            let text = event.content["body"]?.stringValue, let device = devices[number]
        else { return }
        let content: Delivery.Content
        var sender: String?
        if text.hasPrefix("!") {
            guard let command = Command(text), !command.verb.isEmpty,
                command.device.lowercased() == device.record.name.lowercased()
            else { return }
            content = .command(
                verb: command.verb, arguments: command.arguments.map { (key: $0.key, value: $0.value) })
            sender = event.sender
        } else {
            content = .message(text)
        }
        let delivery = Delivery(
            sender: event.sender, unixSeconds: UInt64(max(0, event.unixMilliseconds / 1000)), content: content)
        guard let body = fitting(delivery) else {
            note(.warning, "a command of \(event.sender) is too long for its link and was ignored", device: number)
            return
        }
        let item = InboxRecord(id: nextInboxID, device: number, body: body, unverifiedSender: sender)
        nextInboxID += 1
        devices[number]?.inbox.append(item)
        actions.writes.append(.inbox(item))
        boundInbox(of: number)
        verifyCommands(of: number, now: now)
        push(number, now: now)
    }

    /// The body of a delivery, its text cut where no device would take it whole: one that never arrives would hold up all that
    /// come after it. nil: a command, of which a part would be another command.
    private func fitting(_ delivery: Delivery) -> [UInt8]? {
        let body = delivery.body
        let limit = smallestBlockFits ? Delivery.longestBody : largestNotification
        guard body.count > limit else { return body }
        guard case .message(let text) = delivery.content else { return nil }
        let mark = "…"
        let length = text.utf8.count - (body.count - limit) - mark.utf8.count
        var end = text.utf8.index(text.startIndex, offsetBy: max(0, length))
        while end > text.startIndex, end.samePosition(in: text) == nil { end = text.utf8.index(before: end) }
        var cut = delivery
        cut.content = .message(text[..<end] + mark)
        return cut.body.count <= limit ? cut.body : nil
    }

    /// Drops commands of those who may not give them, once the room's power levels are known.
    func verifyCommands(of number: UInt32, now: Moment) {
        guard let device = devices[number], let roomID = device.record.room.roomID, let room = rooms[roomID] else {
            return
        }
        for item in device.inbox {
            guard let sender = item.unverifiedSender else { continue }
            if room.mayCommand(sender) || configuration.commanders.contains(sender) {
                var verified = item
                verified.unverifiedSender = nil
                replace(item.id, by: verified, of: number)
            } else {
                note(.warning, "a command of \(sender) was ignored: power level 50 is needed", device: number)
                replace(item.id, by: nil, of: number)
            }
        }
        push(number, now: now)
    }

    private func replace(_ id: Int64, by item: InboxRecord?, of number: UInt32) {
        guard let index = devices[number]?.inbox.firstIndex(where: { $0.id == id }) else { return }
        if let item {
            devices[number]?.inbox[index] = item
            actions.writes.append(.inbox(item))
        } else {
            devices[number]?.inbox.remove(at: index)
            actions.writes.append(.removeInbox(id: id))
        }
    }

    private func boundInbox(of number: UInt32) {
        guard let device = devices[number], device.inbox.count > configuration.inboxLimit else { return }
        // What has been on its way goes out again as it was, if at all.
        let underWay = device.delivery?.inboxIDs ?? []
        guard
            let oldest = device.inbox.first(where: { $0.name == nil && !underWay.contains($0.id) })
                ?? device.inbox.first(where: { !underWay.contains($0.id) })
        else { return }
        note(
            .warning, "more than \(configuration.inboxLimit) messages wait for it: the oldest is dropped",
            device: number)
        replace(oldest.id, by: nil, of: number)
    }
}
