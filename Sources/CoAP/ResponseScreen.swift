/// What a client has to settle about the options of a response before anyone sees it (RFC 7252 section 5.4).
enum ResponseScreen {
    /// The options that count: elective ones that are malformed, or one too many, are left out as if they had not been sent
    /// (section 5.4.3, 5.4.5). nil: a critical one cannot be processed, and the response has to be rejected (section 5.4.1).
    static func sound(_ options: [MessageOption]) -> [MessageOption]? {
        guard !options.indices.allSatisfy({ isSound($0, options) }) else { return options }
        var sound: [MessageOption] = []
        for index in options.indices {
            if isSound(index, options) {
                sound.append(options[index])
            } else if options[index].number.isCritical {
                return nil
            }
        }
        return sound
    }

    private static func isSound(_ index: Int, _ options: [MessageOption]) -> Bool {
        let option = options[index]
        guard let definition = option.number.definition else { return !option.number.isCritical }
        // One that is not defined for responses is as good as unknown (section 5.4).
        if option.number.isCritical {
            switch option.number {
            case .block1, .block2, .qBlock1, .qBlock2: break
            default: return false
            }
        }
        // In order of numbers: a decoder read them so, and the same numbers stand together.
        let isSupernumerary = !definition.isRepeatable && index > 0 && options[index - 1].number == option.number
        return !isSupernumerary && option.value.count >= definition.shortest && option.value.count <= definition.longest
    }
}
