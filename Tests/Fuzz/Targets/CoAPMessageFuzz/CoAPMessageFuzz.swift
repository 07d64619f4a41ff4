internal import CoAP
internal import FuzzSupport

/// Any bytes are a message or are none; what is one comes out of its own encoding unchanged.
enum CoAPMessageFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) -> String? {
        guard let message = try? Message(decoding: input) else { return nil }
        guard let encoded = try? message.encoded(), let again = try? Message(decoding: encoded) else {
            return "a message that was read cannot be written and read"
        }
        guard again == message else { return "another message came back" }
        guard encoded.count <= input.count else { return "its own encoding is not the shortest" }
        for option in message.options { _ = BlockOption(option) }
        let request = Request(message.code, options: message.options, payload: message.payload)
        switch RequestScreen().verdict(on: request) {
        case .sound(let sound):
            return sound.options.count <= request.options.count ? nil : "options out of nothing"
        case .refused(let response, _):
            return response.code.codeClass >= 4 ? nil : "refused with success"
        }
    }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 { CoAPMessageFuzz.feed(data, count) }
#endif
