import CoAP

/// Any bytes are a message or are none; what is one comes out of its own encoding unchanged.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let datagram = Array(UnsafeBufferPointer(start: start, count: count))
    let message: Message
    do throws(MessageError) {
        message = try Message(decoding: datagram)
    } catch {
        return 0
    }
    guard let encoded = try? message.encoded(), let again = try? Message(decoding: encoded) else {
        fatalError("a message that was read cannot be written and read")
    }
    precondition(again == message, "another message came back")
    precondition(encoded.count <= datagram.count, "its own encoding is not the shortest")
    for option in message.options { _ = BlockOption(option) }
    let request = Request(message.code, options: message.options, payload: message.payload)
    switch RequestScreen().verdict(on: request) {
    case .sound(let sound): precondition(sound.options.count <= request.options.count)
    case .refused(let response, _): precondition(response.code.codeClass >= 4)
    }
    return 0
}
