/// What may go to an address that is not known to be the peer's own: RFC 9175 section 2.4, item 3, and section 2.6.
extension ServerSession {
    public var isAddressProved: Bool {
        if case .proved = address { true } else { false }
    }

    mutating func proveAddress(_ request: Request, now: Int64) {
        guard case .unproved(let mint, let bytes) = address, let value = request.option(.echo)?.value,
            mint.accepts(value, from: bytes, now: now)
        else { return }
        address = .proved
    }

    /// 4.01 with an Echo value to return; nil where the address has been proved.
    func challenge(now: Int64) -> Response? {
        guard case .unproved(let mint, let bytes) = address else { return nil }
        return Response(.unauthorized, options: [MessageOption(.echo, mint.value(for: bytes, now: now))])
    }

    /// The answer itself, or what may be said in its place to an address that has not been proved.
    func bounded(_ answer: Response, to request: Request, _ id: RequestID, now: Int64) -> Response {
        guard let challenge = challenge(now: now) else { return answer }
        let message = Message(
            type: .acknowledgement, code: answer.code, messageID: 0, token: id.token, options: answer.options,
            payload: answer.payload)
        guard let bytes = try? message.encoded(), bytes.count > Self.mostToUnproved else { return answer }
        // What is no safe request has been run, and must not be asked for once more: the outcome alone, and the body
        // to be fetched.
        guard !request.method.isSafe else { return challenge }
        var options: [MessageOption] = []
        for option in answer.options where option.number == .block1 { options.append(option) }
        return Response(answer.code, options: options)
    }
}
