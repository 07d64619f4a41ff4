internal import CQREncode

/// A QR code for the terminal, two rows of modules in a line of text.
enum QRCode {
    /// nil: the text is too long for any.
    static func render(_ text: String) -> String? {
        guard let code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1) else { return nil }
        defer { QRcode_free(code) }
        let width = Int(code.pointee.width)
        guard let modules = code.pointee.data else { return nil }
        // Light around it, as readers want; drawn light on dark, since that is what most terminals are.
        let margin = 2
        func isDark(_ x: Int, _ y: Int) -> Bool {
            (0..<width).contains(x) && (0..<width).contains(y) && modules[y * width + x] & 1 == 1
        }
        var lines: [String] = []
        for y in stride(from: -margin, to: width + margin, by: 2) {
            var line = ""
            for x in -margin..<width + margin {
                switch (isDark(x, y), isDark(x, y + 1)) {
                case (true, true): line += " "
                case (true, false): line += "▄"
                case (false, true): line += "▀"
                case (false, false): line += "█"
                }
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }
}
