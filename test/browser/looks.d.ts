export declare function overflowing(): readonly string[];
export declare function contrastProblems(): readonly string[];
