/// Something that is fed with any bytes.
public protocol FuzzTarget {
    /// What went wrong; nil where all is as it should be. It may crash as well: libFuzzer keeps the input either way.
    static func run(_ input: [UInt8]) -> String?
}

extension FuzzTarget {
    /// What libFuzzer's entry point of a target does.
    public static func feed(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
        if let wrong = run(Array(UnsafeBufferPointer(start: data, count: count))) { fatalError(wrong) }
        return 0
    }
}

/// The input as a script: what to do next, and with which bytes. Read from both an exhausted script and a full one.
public struct Script {
    private var rest: ArraySlice<UInt8>

    public init(_ input: [UInt8]) {
        rest = input[...]
    }

    public var isAtEnd: Bool { rest.isEmpty }

    /// 0 at the end.
    public mutating func byte() -> UInt8 {
        rest.popFirst() ?? 0
    }

    /// A length byte and so many bytes, or what is left.
    public mutating func bytes() -> [UInt8] {
        let count = Int(byte())
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    public mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}
