internal import GatewayCore
internal import LinkModel
internal import Links
internal import NoiseSodium

extension Simulation {
    /// Carries out what a gateway's machine wants. Its writes succeed.
    func settle(gateway index: Int) {
        let gateway = gateways[index]
        let actions = gateway.machine.takeActions()
        for write in actions.writes {
            if case .uplink(let record) = write, record.refusal == nil { journalled(record, gateway) }
        }
        for datagram in actions.datagrams {
            guard let node = device(at: datagram.to) else { continue }
            send(datagram.bytes, .down, node, node.underWay?.message ?? node.said.first?.message, nil)
        }
        for call in actions.calls {
            agenda.add(now + delay() / 2, .call(gateway: index, call))
        }
        // What else the machine wants now waits for its timer.
        guard let deadline = gateway.machine.deadline, deadline < gateway.timer else { return }
        gateway.timer = deadline
        agenda.add(max(now, deadline), .gateway(index))
    }

    private func device(at address: PeerAddress) -> DeviceNode? {
        let number = address.ip.dropFirst().reduce(0) { $0 << 8 | Int($1) }
        return devices.indices.contains(number - 1) ? devices[number - 1] : nil
    }

    private func journalled(_ record: UplinkRecord, _ gateway: GatewayNode) {
        guard let node = gateway.nodes[record.device],
            // Of equal ones the newest: the device repeats that one now, and the gateway knows an older one's frame again.
            let index = node.unjournalled.lastIndex(where: { $0.body == record.body })
        else { return }
        let message = node.unjournalled.remove(at: index).message
        gateway.requests[record.requestID] = message
        messages[message].arrived = now
        summary.arrived(messages[message], at: now, group: node.group)
        tell(node.index, message, .journalled)
    }

    // MARK: The homeserver

    private func delay() -> Int64 {
        let most = UInt64(max(0, scenario.homeserver.jitter))
        return scenario.homeserver.latency + Int64(homeserverJitter.next(below: most + 1))
    }

    private var homeserverIsUp: Bool { !scenario.homeserver.outages.contains { $0.contains(now) } }

    func carryOut(_ call: Actions.Call, of index: Int) {
        var result = Result<HomeserverReply, HomeserverFailure>.failure(
            .temporary("no connection", retryAfterMilliseconds: nil))
        if homeserverIsUp {
            let outcome = homeserver.carryOut(call.call)
            result = outcome.result
            if case .send(let send) = call.call, outcome.isNew,
                let message = gateways[index].requests.removeValue(forKey: send.transactionID)
            {
                messages[message].inRoom = now
                summary.inRoom.append(now - messages[message].created)
                tell(Int(messages[message].device), message, .inRoom)
            }
            if case .ping = call.call { planPush(after: 0) }
        }
        agenda.add(now + delay() / 2, .answer(gateway: index, call.id, result))
    }

    func say(_ message: Scenario.RoomMessage) {
        for node in devices where message.device == nil || message.device == node.name {
            guard node.identity != nil else { continue }
            let number = messages.count
            messages.append(MessageState(device: Int32(node.index), created: now, isSaid: true))
            let text = message.text.split(separator: "NAME", omittingEmptySubsequences: false).joined(
                separator: node.name)
            // A command arrives as its verb.
            let words = text.split(separator: " ")
            let heard = text.hasPrefix("!") && words.count > 1 ? String(words[1]) : text
            node.said.append((number, heard))
            summary.said += 1
            homeserver.say(text, in: node.room, unixMilliseconds: moment.unixMilliseconds)
            tell(node.index, number, .said(bytes: text.utf8.count))
        }
        planPush(after: 300_000_000)
    }

    func planPush(after delay: Int64) {
        guard !pushIsPlanned else { return }
        pushIsPlanned = true
        agenda.add(now + delay, .push)
    }

    func push() {
        pushIsPlanned = false
        guard homeserverIsUp, let transaction = homeserver.transactionToPush() else { return }
        for index in gateways.indices {
            gateways[index].machine.receive(transaction.events, now: moment)
            settle(gateway: index)
        }
        homeserver.taken(transaction.id)
        if !homeserver.hasNothingToPush { planPush(after: 1_000_000_000) }
    }
}
