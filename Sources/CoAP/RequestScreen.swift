/// What a server that is no proxy has to settle about a request before it looks for the resource: options that it does
/// not understand or that break their own rules (RFC 7252 section 5.4), proxying (section 5.7.2, 5.10.2), hops (RFC 8768).
public struct RequestScreen: Sendable {
    public enum Verdict: Equatable, Sendable {
        /// To be served; elective options that break a rule are taken out, as if they had not been sent.
        case sound(Request)
        /// To be refused, because of this option where it was one.
        case refused(Response, because: OptionNumber?)
    }

    /// Whether Block1 and Block2 are understood.
    public var understandsBlocks: Bool

    /// Whether Q-Block1 and Q-Block2 are. Who does not use them answers 4.02, and the peer falls back to Block (RFC 9177
    /// section 4.1).
    public var understandsRobustBlocks: Bool

    public init(understandsBlocks: Bool = true, understandsRobustBlocks: Bool = false) {
        self.understandsBlocks = understandsBlocks
        self.understandsRobustBlocks = understandsRobustBlocks
    }

    public func verdict(on request: Request) -> Verdict {
        var sound = request
        sound.options.removeAll(keepingCapacity: true)
        var previous: OptionNumber?
        for option in request.options {
            // In order of numbers: a decoder read them so, and the same numbers stand together.
            let isSupernumerary = option.number == previous && option.number.definition?.isRepeatable == false
            previous = option.number
            guard understands(option), !isSupernumerary else {
                // Section 5.4.1, 5.4.3 and 5.4.5: what is too long, too short or one too many is as good as unknown.
                if option.number.isCritical { return .refused(Response(.badOption), because: option.number) }
                continue
            }
            switch option.number {
            case .proxyURI, .proxyScheme:
                return .refused(Response(.proxyingNotSupported), because: option.number)
            case .hopLimit where option.uint == 0:
                return .refused(Response(.badRequest), because: option.number)
            case .block1, .block2, .qBlock1, .qBlock2:
                // RFC 7959 section 2.2: the value 7 of SZX is reserved, and asks for a 4.00.
                guard let block = BlockOption(option) else {
                    return .refused(Response(.badRequest), because: option.number)
                }
                // All blocks but the last fill their size exactly.
                let carries = option.number == .block1 || option.number == .qBlock1
                if carries, block.more, request.payload.count != block.size {
                    return .refused(Response(.badRequest), because: option.number)
                }
            default:
                break
            }
            sound.options.append(option)
        }
        // RFC 9177 section 4.1: the two kinds do not mix in a request.
        if sound.option(.qBlock1) ?? sound.option(.qBlock2) != nil {
            for option in sound.options where option.number == .block1 || option.number == .block2 {
                return .refused(Response(.badOption), because: option.number)
            }
        }
        return .sound(sound)
    }

    private func understands(_ option: MessageOption) -> Bool {
        switch option.number {
        case .block1, .block2: guard understandsBlocks else { return false }
        case .qBlock1, .qBlock2: guard understandsRobustBlocks else { return false }
        default: break
        }
        guard let definition = option.number.definition else { return false }
        return option.value.count >= definition.shortest && option.value.count <= definition.longest
    }
}
