package early

const licence = "keelson is free software under the Apache License, Version 2.0:\n" +
	"you may use, change and pass it on under the terms of that licence, which comes with the source as the file\n" +
	"LICENSE and can be read at https://www.apache.org/licenses/LICENSE-2.0.\n" +
	"It is provided as it is, without warranties or conditions of any kind.\n"
