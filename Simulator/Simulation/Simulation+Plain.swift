internal import CoAP
internal import LinkModel
internal import Links

/// Devices without protocols: datagrams of a given length, some of them confirmed and repeated until they are.
extension Simulation {
    func sendPlain(
        _ message: Int, of node: DeviceNode, _ content: DeviceGroup.Content, _ stack: DeviceGroup.DatagramStack
    ) {
        node.datagrams += 1
        let isHandshake = node.datagrams == 1 && stack.handshakeUp > 0
        let isConfirmed = isHandshake || (stack.confirmEvery > 0 && node.datagrams % stack.confirmEvery == 0)
        messages[message].isHandshake = isHandshake
        messages[message].isConfirmed = isConfirmed
        if isHandshake { summary.handshakes += 1 }
        let length = length(of: content) + (isHandshake ? stack.handshakeUp : 0)
        if isConfirmed {
            node.outstanding.append(
                DeviceNode.Outstanding(message: message, copies: 1, bytes: length, repeatAt: nil))
        }
        send([], .up, node, message, nil, length: length, isConfirmed: isConfirmed)
    }

    /// The timer starts with the last bit.
    func plainLeft(_ message: Int?, _ node: DeviceNode, at time: Int64) {
        guard let index = node.outstanding.firstIndex(where: { $0.message == message }) else { return }
        let link = scenario.links[node.link].link.timing
        let timing = LinkTiming(link)
        let timers = TransmissionParameters(
            roundTrip: timing.idleRoundTrip, perAnswerByte: timing.nanosecondsPerByteDown, processing: link.processing)
        var timeout = timers.timeout(answerBytes: 64 + link.down.overheadBytes)
        timeout += Int64(node.traffic.next(below: UInt64(timeout / 10 + 1)))
        for _ in 1..<node.outstanding[index].copies { timeout = timeout / 2 * 3 }
        node.outstanding[index].repeatAt = time + timeout
        agenda.add(time + timeout, .plainTimer(node.index))
    }

    func repeatDatagrams(of node: DeviceNode) {
        var index = 0
        while index < node.outstanding.count {
            let waiting = node.outstanding[index]
            guard let time = waiting.repeatAt, time <= now else {
                index += 1
                continue
            }
            guard waiting.copies <= 4 else {
                node.outstanding.remove(at: index)
                messages[waiting.message].hasFailed = true
                summary.unanswered += 1
                tell(node.index, waiting.message, .unanswered)
                summary.ended(messages[waiting.message])
                continue
            }
            node.outstanding[index].copies += 1
            node.outstanding[index].repeatAt = nil
            index += 1
            send([], .up, node, waiting.message, nil, length: waiting.bytes, isConfirmed: true)
        }
    }

    func arrivePlain(_ frame: FrameState, _ node: DeviceNode, _ stack: DeviceGroup.DatagramStack) {
        guard let message = frame.message else { return }
        if messages[message].arrived < 0 {
            messages[message].arrived = now
            summary.arrived(messages[message], at: now, group: node.group)
            tell(node.index, message, .journalled)
            if !frame.isConfirmed { summary.ended(messages[message]) }
        }
        guard frame.isConfirmed else { return }
        let length = stack.answerBytes + (messages[message].isHandshake ? stack.handshakeDown : 0)
        send([], .down, node, message, nil, length: length)
    }

    func answeredPlain(_ frame: FrameState, _ node: DeviceNode) {
        guard let message = frame.message,
            let index = node.outstanding.firstIndex(where: { $0.message == message })
        else { return }
        node.outstanding.remove(at: index)
        messages[message].accepted = now
        summary.accepted += 1
        tell(node.index, message, .accepted(code: Code.changed.rawValue))
        summary.ended(messages[message])
    }
}
