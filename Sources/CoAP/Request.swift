/// A request as an application sees it: without the fields that belong to the exchange (message id, token).
public struct Request: Equatable, Sendable {
    public var method: Code
    public var options: [MessageOption]
    public var payload: [UInt8]
    /// What the answer is taken to measure on the link, in bytes; nil: the endpoint's default.
    public var expectedAnswerBytes: Int?

    public init(
        _ method: Code, path: [[UInt8]] = [], options: [MessageOption] = [], payload: [UInt8] = [],
        expectedAnswerBytes: Int? = nil
    ) {
        self.method = method
        self.options = options
        for segment in path { self.options.append(MessageOption(.uriPath, segment)) }
        self.payload = payload
        self.expectedAnswerBytes = expectedAnswerBytes
    }

    /// The Uri-Path segments.
    public var path: [[UInt8]] {
        var segments: [[UInt8]] = []
        for option in options where option.number == .uriPath { segments.append(option.value) }
        return segments
    }

    /// The value of the Observe option: 0 registers, 1 deregisters (RFC 7641 section 2).
    public var observe: UInt64? {
        for option in options where option.number == .observe { return option.uint }
        return nil
    }

    /// The first option of this number.
    public func option(_ number: OptionNumber) -> MessageOption? {
        for option in options where option.number == number { return option }
        return nil
    }

    /// The Block1 or Block2 option, where there is a sound one.
    public func block(_ number: OptionNumber) -> BlockOption? {
        option(number).flatMap { BlockOption($0) }
    }

    /// Whether the client does not want to hear an answer of this code (RFC 7967 section 2.1).
    public func declines(_ code: Code) -> Bool {
        guard let bits = option(.noResponse)?.uint, code.codeClass > 0 else { return false }
        return bits >> UInt64(code.codeClass - 1) & 1 == 1
    }
}

/// A response as an application sees it.
public struct Response: Equatable, Sendable {
    public var code: Code
    public var options: [MessageOption]
    public var payload: [UInt8]

    public init(_ code: Code, options: [MessageOption] = [], payload: [UInt8] = []) {
        self.code = code
        self.options = options
        self.payload = payload
    }

    /// The value of the Observe option: the sequence number of a notification (RFC 7641 section 3.4).
    public var observe: UInt64? {
        for option in options where option.number == .observe { return option.uint }
        return nil
    }

    /// The first option of this number.
    public func option(_ number: OptionNumber) -> MessageOption? {
        for option in options where option.number == number { return option }
        return nil
    }

    /// The Block1 or Block2 option, where there is a sound one.
    public func block(_ number: OptionNumber) -> BlockOption? {
        option(number).flatMap { BlockOption($0) }
    }

    /// Max-Age in seconds; 60 when absent (RFC 7252 section 5.10.5). It has four bytes at most; a longer one is as good as
    /// none (section 5.4.3), so that no sum with a time overflows.
    public var maxAge: UInt64 {
        for option in options where option.number == .maxAge && option.value.count <= 4 { return option.uint ?? 60 }
        return 60
    }
}
