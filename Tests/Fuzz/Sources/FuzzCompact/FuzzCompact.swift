import CoAP
import CompactMatrix
import MatrixJSON

/// The first byte says what the rest is. What is read must come back from what is written of it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let input = [UInt8](UnsafeBufferPointer(start: start + 1, count: count - 1))
    switch start[0] % 5 {
    case 0:
        guard let value = try? CompactCodec.decode(input, limits: .event) else { break }
        precondition((try? CompactCodec.decode(CompactCodec.encode(value))) == value)
        precondition((try? CompactCodec.decode(CompactCodec.encode(value, compresses: false))) == value)
    case 1:
        guard let request = try? CompactRequest(decoding: input, limits: .event) else { break }
        precondition((try? CompactRequest(decoding: request.encoded())) == request)
    case 2:
        guard let value = try? MSC3079.decode(input, limits: .event) else { break }
        let again = try? MSC3079.decode(MSC3079.encode(value))
        precondition(again == value)
    case 3:
        guard let value = try? JSONValue(parsing: input, limits: .event) else { break }
        precondition((try? CompactCodec.decode(CompactCodec.encode(value))) == value)
        precondition((try? CBORCodec.decode(CBORCodec.encode(value))) == value)
    default:
        let context = CompactContext(observationToken: [1], notificationOptions: [])
        guard
            let read = try? CompactMessage.decode(input, frame: 300, outstanding: [7, 299], context: context),
            let again = try? CompactMessage.encode(
                read.message, frame: 300, answered: read.answered, context: context)
        else { break }
        precondition(
            (try? CompactMessage.decode(again, frame: 300, outstanding: [7, 299], context: context))?.message
                == read.message)
    }
    return 0
}
