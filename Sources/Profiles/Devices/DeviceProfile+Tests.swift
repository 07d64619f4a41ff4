extension DeviceProfile {
    /// Runs the profile's own tests: its examples, and what it says of their bytes.
    ///
    /// - Parameter file: what errors name.
    public func failures(file: String) -> [FieldError] {
        var failures: [FieldError] = []
        for (index, example) in payload.examples.enumerated() {
            guard let (field, problem) = example.problem(with: payload) else { continue }
            failures.append(
                FieldError(
                    file: file, line: example.line, field: "payload.examples[\(index)].\(field)", problem: problem))
        }
        if let expected = test.bytesPerMessage, expected != messageBytes.up {
            failures.append(
                FieldError(
                    file: file, line: test.lines["bytes_per_message"], field: "test.bytes_per_message",
                    problem: "\(expected) are expected, and the first example needs \(messageBytes.sumUp)"))
        }
        return failures
    }
}
