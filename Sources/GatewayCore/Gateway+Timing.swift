internal import CoAP

/// Who wants what when. Whatever changes of a device is looked at once before it counts, and nothing goes over all devices:
/// a call costs what is due, whatever their number.
extension Gateway {
    /// When `handleTimeout` wants to be called next.
    public var deadline: Int64? {
        reschedule()
        var earliest = timers.earliest()
        func consider(_ time: Int64) { earliest = min(earliest ?? time, time) }
        if pingAgain { consider(homeserverNotBefore) }
        // With all calls under way the end of one is waited for.
        if calls.count < callsAllowed, let time = wishes.earliest() { consider(max(time, homeserverNotBefore)) }
        return earliest
    }

    public func handleTimeout(now: Moment) {
        clock = now
        if pingAgain, homeserverNotBefore <= now.monotonic {
            pingAgain = false
            call(.ping, device: nil)
        }
        reschedule()
        while let number = timers.popDue(now: now.monotonic) {
            // Its next time is set when all of them have had their turn.
            devices.mark(number)
            guard let device = devices[number] else { continue }
            if let body = device.body, body.expiresUnixMilliseconds <= now.unixMilliseconds {
                touched.insert(number)
                devices[number]?.body = nil
                devices[number]?.bodyChanged = true
            }
            if let time = device.endpoint.deadline, time <= now.monotonic {
                touched.insert(number)
                devices[number]?.endpoint.handleTimeout(now: now.monotonic)
                run(number, now: now)
            }
        }
    }

    /// Sets the times of the devices in which something has changed.
    func reschedule() {
        for number in devices.takeChanged() {
            guard let device = devices[number] else { continue }
            timers[number] = [device.endpoint.deadline, device.body.map(end(of:))].compactMap(\.self).min()
            // One that waits already keeps its place.
            wishes[number] =
                !device.callUnderWay && wants(device) ? max(device.notBefore, wishes[number] ?? clock.monotonic) : nil
        }
    }

    /// On the monotonic clock; no later than an unfinished body may be kept, wherever the other clock stood when it came.
    private func end(of body: BodyRecord) -> Int64 {
        let longest = TransmissionParameters(gatewayOn: link).exchangeLifetime / 1_000_000
        let (remaining, overflow) = body.expiresUnixMilliseconds.subtractingReportingOverflow(clock.unixMilliseconds)
        return clock.monotonic + max(0, overflow ? longest : min(remaining, longest)) * 1_000_000
    }

    // MARK: Calls

    /// Calls that may be under way. While the homeserver does not answer a few try whether it does again.
    var callsAllowed: Int { homeserverProblem == nil ? configuration.callLimit : min(configuration.callLimit, 8) }

    /// A device may have something for the homeserver now.
    func advance(_ number: UInt32, now: Moment) {
        clock = now
        devices.mark(number)
    }

    /// Starts calls, of those who have waited longest.
    func startCalls() {
        guard homeserverNotBefore <= clock.monotonic else { return }
        while calls.count < callsAllowed, let number = wishes.popDue(now: clock.monotonic) {
            startCall(of: number)
            // A call is under way, or it came to nothing and something else may be wanted.
            devices.mark(number)
            reschedule()
        }
    }
}
