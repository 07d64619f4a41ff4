extension String {
    /// Equality by code points. `==` takes composed and decomposed letters for the same, which JSON does not.
    func hasSameUTF8(as other: String) -> Bool {
        let left = utf8
        let right = other.utf8
        return left.count == right.count && left.elementsEqual(right)
    }
}

/// A string as a dictionary key, distinguished by code points.
struct ExactString: Hashable {
    let value: String

    init(_ value: String) {
        self.value = value
    }

    static func == (left: ExactString, right: ExactString) -> Bool {
        left.value.hasSameUTF8(as: right.value)
    }

    func hash(into hasher: inout Hasher) {
        var copy = value
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
