import CPlatform
import CoAP
import CompactMatrix
import DeviceClient
import Links
import SecureDatagram

typealias FirmwareDevice = DeviceClient<PlatformSuite, PlatformEntropy>

/// The one device of this firmware. Its entry points are called by one task only, never by an interrupt: C has no way
/// to say so, and the compiler cannot see it.
nonisolated(unsafe) private var device: FirmwareDevice?

/// Begins, with the state that was stored last (`stateCount` 0: none). Times are nanoseconds of a clock that never
/// jumps.
///
/// - Returns: 1, or 0 where the number or the stored state cannot be used.
@c(sotto_device_begin)
public func deviceBegin(
    number: UInt32, privateKey: UnsafePointer<UInt8>, gatewayKey: UnsafePointer<UInt8>, bitsPerSecond: UInt64,
    latency: Int64, state: UnsafePointer<UInt8>?, stateCount: Int, now: Int64
) -> Int32 {
    guard let number = DeviceNumber(number) else { return 0 }
    let direction = Link.Direction(bitsPerSecond: bitsPerSecond, latency: latency)
    do throws(DeviceStateError) {
        device = try FirmwareDevice(
            identity: DeviceIdentity(
                number: number, privateKey: copy(privateKey, 32), gatewayKey: copy(gatewayKey, 32)),
            link: Link(up: direction, down: direction), state: stateCount == 0 ? nil : copy(state, stateCount),
            entropy: PlatformEntropy(), now: now)
    } catch {
        return 0
    }
    finish()
    return 1
}

/// Sends a text in UTF-8 to the device's room.
///
/// - Returns: the request, which `sotto_answered` will name; 0 where it cannot be sent.
@c(sotto_device_send_text)
public func deviceSendText(text: UnsafePointer<UInt8>?, count: Int, now: Int64) -> UInt32 {
    guard let text = string(text, count) else { return 0 }
    return send(.text(text), now: now)
}

/// Sends one measured value, `mantissa * 10^exponent`. `unixSeconds` 0: measured when the gateway receives it.
@c(sotto_device_send_value)
public func deviceSendValue(
    name: UnsafePointer<UInt8>?, nameCount: Int, unit: UnsafePointer<UInt8>?, unitCount: Int, mantissa: Int64,
    exponent: Int32, unixSeconds: UInt32, now: Int64
) -> UInt32 {
    guard let name = string(name, nameCount), let unit = string(unit, unitCount) else { return 0 }
    let value = MeasuredValue(name: name, unit: unit, mantissa: mantissa, exponent: Int(exponent))
    let reading = Reading(unixSeconds: unixSeconds == 0 ? nil : unixSeconds, measurements: [value])
    return send(.reading(reading), now: now)
}

/// Sends any event; `content` is one CBOR map.
@c(sotto_device_send_event)
public func deviceSendEvent(
    type: UnsafePointer<UInt8>?, typeCount: Int, content: UnsafePointer<UInt8>?, contentCount: Int, now: Int64
) -> UInt32 {
    guard let type = string(type, typeCount) else { return 0 }
    return send(.event(type: type, content: copy(content, contentCount)), now: now)
}

/// Asks the gateway to push what arrives for the device.
@c(sotto_device_watch)
public func deviceWatch(now: Int64) {
    device?.startWatching(now: now)
    finish()
}

/// Takes a datagram that came from the gateway.
@c(sotto_device_receive)
public func deviceReceive(datagram: UnsafePointer<UInt8>?, count: Int, now: Int64) {
    device?.receive(copy(datagram, count), now: now)
    finish()
}

/// When `sotto_device_timeout` wants to be called; the largest number: not before something arrives.
@c(sotto_device_deadline)
public func deviceDeadline() -> Int64 {
    device?.deadline ?? .max
}

@c(sotto_device_timeout)
public func deviceTimeout(now: Int64) {
    device?.handleTimeout(now: now)
    finish()
}

private func send(_ uplink: Uplink, now: Int64) -> UInt32 {
    guard let request = try? device?.send(uplink, now: now) else { return 0 }
    finish()
    return request
}

/// Stores, then transmits, then tells: a datagram must not leave ahead of the state that it depends on.
private func finish() {
    guard let actions = device?.takeActions() else { return }
    if let state = actions.state, sotto_store(state, state.count) != 1 {
        // What is in memory is ahead of what is stored: the firmware has to begin again from there.
        device = nil
        return
    }
    for datagram in actions.datagrams { sotto_transmit(datagram, datagram.count) }
    while let event = device?.nextEvent() { report(event) }
}

private func report(_ event: FirmwareDevice.Event) {
    switch event {
    case .answered(let request, let response): sotto_answered(request, response.code.rawValue)
    case .unanswered(let request, _): sotto_answered(request, 0)
    case .delivery(let delivery, _): report(delivery)
    case .watching: sotto_watching(1)
    case .watchInterrupted, .watchRefused: sotto_watching(0)
    case .traffic, .postponed, .sessionCopied: break
    }
}

private func report(_ delivery: Delivery) {
    let sender = utf8(delivery.sender)
    switch delivery.content {
    case .message(let text):
        let text = utf8(text)
        sotto_received(delivery.unixSeconds, text, text.count, sender, sender.count, 0)
    case .command(let verb, let arguments):
        let verb = utf8(verb)
        sotto_received(delivery.unixSeconds, verb, verb.count, sender, sender.count, 1)
        for argument in arguments {
            let key = utf8(argument.key)
            let value = utf8(argument.value)
            sotto_argument(key, key.count, value, value.count)
        }
    }
}

// The two below do what `Array(text.utf8)` and `String(decoding:)` do, less 10 KiB: those bring along the indexing of
// text that is stored as UTF-16, and the repair of bad UTF-8.

private func utf8(_ text: String) -> [UInt8] {
    let span = text.utf8.span
    var bytes: [UInt8] = []
    for index in span.indices { bytes.append(span[index]) }
    return bytes
}

/// nil where the bytes are not UTF-8.
private func string(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> String? {
    let span = UnsafeBufferPointer(start: bytes, count: count).span
    guard let valid = try? UTF8Span(validating: span) else { return nil }
    return String(copying: valid)
}

private func copy(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: bytes, count: count))
}
