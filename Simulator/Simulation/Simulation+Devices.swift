internal import CoAP
internal import CompactMatrix
internal import DeviceClient
internal import GatewayCore
internal import LinkModel
internal import Links
internal import NoiseSodium
internal import SecureDatagram

extension Simulation {
    func start(_ node: DeviceNode) {
        let group = scenario.devices[node.group]
        if let identity = node.identity {
            node.machine = try? DeviceNode.Machine(
                identity: identity, link: scenario.links[node.link].link.timing, state: nil, entropy: node.entropy,
                now: now)
            if group.watches { node.machine?.startWatching(now: now) }
        }
        for (kind, traffic) in group.traffic.enumerated() {
            switch traffic.pattern {
            case .periodic(_, let jitter):
                agenda.add(now + draw(node, upTo: jitter), .traffic(device: node.index, kind: kind))
            case .poisson(let mean):
                let wait = FixedPoint.exponential(node.traffic.next(), mean: mean)
                agenda.add(now + wait, .traffic(device: node.index, kind: kind))
            case .bursts, .saturated: agenda.add(now, .traffic(device: node.index, kind: kind))
            case .times(let times):
                for time in times where time >= now { agenda.add(time, .traffic(device: node.index, kind: kind)) }
            }
        }
        settle(node)
    }

    private func draw(_ node: DeviceNode, upTo most: Int64) -> Int64 {
        Int64(node.traffic.next(below: UInt64(max(0, most)) + 1))
    }

    /// Something is to be said, and later more.
    func speak(_ node: DeviceNode, _ kind: Int) {
        let traffic = scenario.devices[node.group].traffic[kind]
        switch traffic.pattern {
        case .periodic(let every, let jitter):
            // Each is late by itself: the next is planned from when this one was due.
            node.periods[kind, default: now] += every
            let due = node.periods[kind, default: now]
            agenda.add(max(now, due + draw(node, upTo: jitter)), .traffic(device: node.index, kind: kind))
        case .poisson(let mean):
            let wait = FixedPoint.exponential(node.traffic.next(), mean: mean)
            agenda.add(now + wait, .traffic(device: node.index, kind: kind))
        case .bursts(let every, let count, let gap):
            let number = node.bursts[kind, default: 0]
            node.bursts[kind] = (number + 1) % count
            let wait = number + 1 < count ? gap : max(0, every - gap * Int64(count - 1))
            agenda.add(now + wait, .traffic(device: node.index, kind: kind))
        case .saturated:
            // Asked anew whenever a message has ended.
            guard node.underWay == nil, !node.hasWaiting else { return }
        case .times: break
        }
        let message = messages.count
        messages.append(MessageState(device: Int32(node.index), created: now))
        summary.offered += 1
        node.kinds[message] = kind
        tell(node.index, message, .message(bytes: length(of: traffic.content)))
        if case .datagrams(let stack) = scenario.devices[node.group].stack {
            sendPlain(message, of: node, traffic.content, stack)
        } else {
            node.waiting.append(message)
            settle(node)
        }
    }

    func length(of content: DeviceGroup.Content) -> Int {
        switch content {
        case .text(let length): length
        case .reading: content.uplink.body.count
        }
    }

    /// A text names its message, as far as its length allows, so that it is found again in the room.
    private func uplink(_ message: Int, _ content: DeviceGroup.Content) -> Uplink {
        guard case .text(let length) = content else { return content.uplink }
        let number = String(message, radix: 36)
        let text = number.utf8.count >= length ? String(number.suffix(length)) : number
        return .text(text + String(repeating: ".", count: length - text.utf8.count))
    }

    func wake(_ node: DeviceNode) {
        guard node.timer <= now else { return }
        node.timer = .max
        if let deadline = node.machine?.deadline, deadline <= now { node.machine?.handleTimeout(now: now) }
        settle(node)
    }

    func receive(_ bytes: [UInt8], _ node: DeviceNode) {
        node.machine?.receive(bytes, now: now)
        settle(node)
    }

    /// Carries out what a device's machine wants.
    func settle(_ node: DeviceNode) {
        guard node.machine != nil else { return }
        var reports: [DatagramReport] = []
        repeat {
            while let event = node.machine?.nextEvent() { handle(event, node, &reports) }
            sendNext(node)
        } while node.machine?.hasEvents ?? false
        guard let actions = node.machine?.takeActions() else { return }
        var next = 0
        for datagram in actions.datagrams {
            // The reports come in the datagrams' order; an acknowledgement that is repeated has none.
            let report = reports[next...].first.flatMap { $0.total == datagram.count ? $0 : nil }
            if report != nil { next += 1 }
            var message = node.underWay?.message
            if let handle = report?.handle, handle != node.underWay?.handle { message = nil }
            send(datagram, .up, node, message, report)
        }
        if let deadline = node.machine?.deadline { setTimer(of: node, deadline) }
        if node.hasWaiting, node.notBefore > now { setTimer(of: node, node.notBefore) }
    }

    private func setTimer(of node: DeviceNode, _ time: Int64) {
        guard time < node.timer else { return }
        node.timer = time
        agenda.add(max(now, time), .device(node.index))
    }

    private func handle(_ event: DeviceNode.Machine.Event, _ node: DeviceNode, _ reports: inout [DatagramReport]) {
        switch event {
        case .traffic(let report):
            if report.direction == .up {
                reports.append(report)
            } else {
                summary.addLayers(report)
            }
        case .answered(let handle, let response):
            guard let underWay = node.underWay, underWay.handle == handle else { return }
            node.underWay = nil
            if response.code == .serviceUnavailable {
                // The gateway's queue is full: the same again, later.
                node.waiting.insert(underWay.message, at: node.nextWaiting)
                node.notBefore = now + Int64(clamping: min(response.maxAge, 86_400)) * 1_000_000_000
                return
            }
            messages[underWay.message].accepted = now
            tell(node.index, underWay.message, .accepted(code: response.code.rawValue))
            if response.code == .changed { summary.accepted += 1 } else { summary.refused += 1 }
            ended(underWay.message, node)
        case .unanswered(let handle, _):
            guard let underWay = node.underWay, underWay.handle == handle else { return }
            node.underWay = nil
            messages[underWay.message].hasFailed = true
            summary.unanswered += 1
            tell(node.index, underWay.message, .unanswered)
            ended(underWay.message, node)
        case .delivery(let delivery, _):
            let text: String
            switch delivery.content {
            case .message(let body): text = body
            case .command(let verb, _): text = verb
            }
            guard let index = node.said.firstIndex(where: { $0.text == text }) else { return }
            let message = node.said.remove(at: index).message
            messages[message].accepted = now
            summary.heard.append(now - messages[message].created)
            tell(node.index, message, .heard)
        case .watching, .watchInterrupted, .watchRefused, .postponed, .sessionCopied: break
        }
    }

    private func ended(_ message: Int, _ node: DeviceNode) {
        summary.ended(messages[message])
        node.kinds[message] = nil
        for (kind, traffic) in scenario.devices[node.group].traffic.enumerated()
        where traffic.pattern == .saturated && !node.hasWaiting {
            agenda.add(now, .traffic(device: node.index, kind: kind))
        }
    }

    private func sendNext(_ node: DeviceNode) {
        guard node.underWay == nil, node.notBefore <= now, let message = node.takeWaiting() else { return }
        let kind = node.kinds[message] ?? 0
        let uplink = uplink(message, scenario.devices[node.group].traffic[kind].content)
        guard let handle = try? node.machine?.send(uplink, now: now) else {
            messages[message].hasFailed = true
            summary.unanswered += 1
            return
        }
        node.underWay = (handle, message)
        node.unjournalled.append((message, uplink.body))
        if node.unjournalled.count > 16 { node.unjournalled.removeFirst() }
        tell(node.index, message, .request)
    }
}
